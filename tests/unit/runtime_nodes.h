// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/node_runner.h"
#include "host/node_threads.h"
#include "host/sink_runner.h"
#include "host/spooled_edge.h"

#include <tidemill/testing.h>

#include <functional>

// Nodes that do as a test says, and a graph of them without a pipeline file.

namespace tidemill::testing {

class ScriptedSource final : public Source
{
    Q_OBJECT

public:
    void setPaused(bool paused) override
    {
        pauses.append(paused);
        isPaused = paused;
    }

    // One batch with these trade ids.
    void send(const QList<qint64> &ids)
    {
        BatchBuilder<Trade> builder;
        for (const qint64 id : ids)
            builder.append({.exchange = Symbol("test"), .symbol = Symbol("BTCUSDT"), .trade_id = id});
        emit emitted(builder.finish());
    }

    QList<bool> pauses;
    std::atomic<bool> isPaused = false;
};

class PassingTransform final : public Transform
{
    Q_OBJECT

protected:
    void process(const BatchPtr &batch) override
    {
        BatchBuilder<Trade> builder(batch);
        for (const Trade &trade : batch->rows<Trade>())
            builder.append(trade);
        emit emitted(builder.finish());
    }
};

// Stores on flush(), as a database does; fails as often as it is told to.
class ScriptedSink final : public Sink
{
    Q_OBJECT

public:
    void receive(const BatchPtr &batch) override
    {
        offered.append(idsOf(batch));
        if (throwOnReceive) {
            throwOnReceive = false;
            throw std::runtime_error("a fault of the plugin");
        }
        if (rejectNext) {
            rejectNext = false;
            emit rejected(batch, {Error::Kind::Storage, QStringLiteral("not storable")});
            return;
        }
        m_group.append(batch);
    }

    void flush() override
    {
        ++flushes;
        const QList<BatchPtr> group = std::exchange(m_group, {});
        if (failures > 0) {
            --failures;
            emit failed({Error::Kind::Network, QStringLiteral("the store is away")});
            return;
        }
        if (mute) {
            unanswered += group;
            return;
        }
        if (answer) {
            for (const BatchPtr &batch : group)
                answer(batch);
            return;
        }
        for (const BatchPtr &batch : group) {
            stored += idsOf(batch);
            emit delivered(batch);
        }
    }

    void store(const BatchPtr &batch)
    {
        stored += idsOf(batch);
        emit delivered(batch);
    }
    // All but those rows are stored.
    void storePart(const BatchPtr &batch, const QList<RowFailure> &rows)
    {
        QList<qint64> ids = idsOf(batch);
        for (auto failure = rows.rbegin(); failure != rows.rend(); ++failure)
            ids.removeAt(failure->row);
        stored += ids;
        emit partlyDelivered(batch, rows);
    }

    static QList<qint64> idsOf(const BatchPtr &batch)
    {
        QList<qint64> ids;
        for (const Trade &trade : batch->rows<Trade>())
            ids.append(trade.trade_id);
        return ids;
    }

    QList<QList<qint64>> offered;
    QList<qint64> stored;
    QList<BatchPtr> unanswered;
    std::function<void(const BatchPtr &)> answer; // instead of storing and confirming
    std::atomic<int> failures = 0;
    int flushes = 0;
    bool mute = false;
    bool rejectNext = false;
    bool throwOnReceive = false;

private:
    QList<BatchPtr> m_group;
};

// A chain of runners; sinks behind queues, and so is what lives in another thread.
class RuntimeGraph
{
public:
    ~RuntimeGraph()
    {
        for (const auto &runner : m_runners) {
            host::NodeRunner *target = runner.get();
            host::runIn(target, std::chrono::seconds(5), [target] { target->destroyNode(); });
        }
    }

    template<typename RunnerT, typename NodeT>
    NodeT *add(const char *name, const QString &thread = QStringLiteral("main"),
               const host::NodeSettings &settings = {}, const QString &stateDirectory = {})
    {
        host::NodeDescription description;
        description.name = QLatin1String(name);
        description.kind = std::is_same_v<RunnerT, host::SourceRunner> ? host::NodeKind::Source
                           : std::is_same_v<RunnerT, host::SinkRunner> ? host::NodeKind::Sink
                                                                       : host::NodeKind::Transform;
        description.settings = settings;
        auto *node = new NodeT;
        NodeContext context;
        context.stateDirectory = stateDirectory;
        node->setContext(context);
        auto status = std::make_shared<host::NodeStatus>(QStringLiteral("test"), description);
        statuses.add(status);
        auto runner = std::make_unique<RunnerT>(NodePtr<>(node), status, metrics);
        node->moveToThread(threads.thread(thread));
        runner->moveToThread(threads.thread(thread));
        m_runners.push_back(std::move(runner));
        return node;
    }

    host::NodeRunner *runner(const char *name) const
    {
        for (const auto &runner : m_runners) {
            if (runner->status().description.name == QLatin1String(name))
                return runner.get();
        }
        return nullptr;
    }
    const host::NodeStatus &status(const char *name) const { return runner(name)->status(); }

    void connectDirectly(const char *from, const char *to)
    {
        link(std::make_unique<host::DirectEdge>(*runner(from), *runner(to), QByteArray()));
    }
    host::QueuedEdge *connectQueued(const char *from, const char *to,
                                    host::QueuedEdge::Bound bound = {1000, 1 << 20},
                                    host::QueuePolicy policy = host::QueuePolicy::Block)
    {
        auto edge =
            std::make_unique<host::QueuedEdge>(*runner(from), *runner(to), QByteArray(), bound, policy);
        host::QueuedEdge *queue = edge.get();
        runner(to)->addQueue(queue);
        link(std::move(edge));
        return queue;
    }

    void connectSpooled(const char *from, const char *to, host::QueuedEdge::Bound bound,
                        std::shared_ptr<host::Spool> spool)
    {
        auto edge = std::make_unique<host::SpooledEdge>(*runner(from), *runner(to), QByteArray(), bound,
                                                        std::move(spool));
        runner(to)->addQueue(edge.get());
        link(std::move(edge));
    }

    void start()
    {
        for (const auto &runner : m_runners) {
            host::NodeRunner *target = runner.get();
            host::runIn(target, std::chrono::seconds(5), [target] { (void)target->start(); });
        }
    }

    // received = delivered + dropped + queued, for a node at rest.
    static bool addsUp(const host::NodeStatus &node) { return node.imbalance().isEmpty(); }
    // The same for all nodes and edges; what does not add up.
    QString imbalance() const
    {
        QStringList wrong;
        for (const auto &runner : m_runners) {
            if (const QString text = runner->status().imbalance(); !text.isEmpty())
                wrong.append(runner->status().description.name + QLatin1String(": ") + text);
        }
        for (const auto &edge : m_edges) {
            if (const QString text = edge->status()->imbalance(); !text.isEmpty())
                wrong.append(edge->status()->from + QLatin1String(" to ") + edge->status()->to +
                             QLatin1String(": ") + text);
        }
        return wrong.join(QLatin1String("; "));
    }

    host::MetricsRegistry metrics;
    host::HostStatus statuses;
    host::NodeThreads threads;

private:
    void link(std::unique_ptr<host::Edge> edge)
    {
        edge->from().addOutput(edge.get());
        edge->to().addInput(edge.get());
        m_edges.push_back(std::move(edge));
    }

    std::vector<std::unique_ptr<host::NodeRunner>> m_runners;
    std::vector<std::unique_ptr<host::Edge>> m_edges;
};

} // namespace tidemill::testing
