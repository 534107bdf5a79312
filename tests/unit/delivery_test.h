// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/health.h"
#include "runtime_nodes.h"

namespace tidemill::testing {

inline host::NodeSettings quickRetry()
{
    host::NodeSettings settings;
    settings.retryInitial = settings.retryMax = std::chrono::milliseconds(10);
    settings.breakerFailures = 0;
    return settings;
}

inline Error away()
{
    return {Error::Kind::Network, QStringLiteral("the store is away")};
}

inline RowFailure again(qsizetype row)
{
    return {row, {Error::Kind::Storage, QStringLiteral("not now")}, false};
}

inline RowFailure never(qsizetype row)
{
    return {row, {Error::Kind::Storage, QStringLiteral("not storable")}, true};
}

// A source, and a sink that does as a test says.
class DeliveryTest : public QObject
{
protected:
    void begin(const host::NodeSettings &settings)
    {
        m_graph = std::make_unique<RuntimeGraph>();
        m_source = m_graph->add<host::SourceRunner, ScriptedSource>("source");
        m_sink = m_graph->add<host::SinkRunner, ScriptedSink>("sink", QStringLiteral("main"), settings);
        m_graph->connectQueued("source", "sink");
        m_graph->start();
    }

    QJsonObject component() const
    {
        const auto answer =
            host::componentHealth(m_graph->statuses, QStringLiteral("sink"), Timestamp::now());
        return answer ? answer->body : QJsonObject();
    }
    host::DeliveryState delivery() const { return m_graph->status("sink").snapshot().delivery; }
    quint64 total(const char *name, const Labels &having = {}) const
    {
        return m_graph->metrics.counterTotal(name, having);
    }

    // At the end of each test, whatever has happened.
    void end()
    {
        if (m_graph)
            QCOMPARE(m_graph->imbalance(), QString());
        m_graph.reset();
    }

    std::unique_ptr<RuntimeGraph> m_graph;
    ScriptedSource *m_source = nullptr;
    ScriptedSink *m_sink = nullptr;
};

} // namespace tidemill::testing
