// SPDX-License-Identifier: Apache-2.0
#include "product.h"

#include "measurement.h"

#include <QCoreApplication>
#include <QEventLoop>
#include <QTimer>

namespace tidemill::bench {

static constexpr std::chrono::seconds patience{30};

QStringList benchPluginPaths()
{
    return host::pluginSearchPaths({QStringLiteral(TIDEMILL_BENCH_PLUGIN_DIR)});
}

Product::Product() : m_plugins(benchPluginPaths())
{
    qApp->setProperty(probeProperty, QVariant::fromValue<void *>(&m_probe));
}

Product::~Product()
{
    m_host.reset(); // its nodes know the probe
}

Result<> Product::start(const QList<NodeSpec> &nodes)
{
    host::PipelineDescription pipeline;
    pipeline.name = QStringLiteral("bench");
    for (const NodeSpec &spec : nodes) {
        host::NodeDescription node;
        node.name = QLatin1String(spec.name);
        node.kind = spec.kind;
        node.type = QLatin1String(spec.type);
        node.options = Value::fromVariant(spec.options);
        for (const QString &input : spec.inputs)
            node.inputs.append({input, {}, {}});
        pipeline.nodes.append(node);
    }
    m_host = std::make_unique<host::Host>(m_plugins, m_metrics, m_status, host::Host::Settings{});
    return m_host->start({pipeline});
}

Result<> Product::waitForRows(quint64 rows)
{
    if (m_probe.rows() < rows) {
        QEventLoop loop;
        m_probe.awaited = rows;
        m_probe.reached = [&loop] { loop.quit(); };
        QTimer::singleShot(patience, &loop, &QEventLoop::quit);
        loop.exec();
        m_probe.awaited = 0;
    }
    if (m_probe.rows() != rows)
        return broken(QStringLiteral("expected %1 rows, got %2").arg(rows).arg(m_probe.rows()));
    return {};
}

Result<> Product::stop()
{
    QEventLoop loop;
    int exitCode = -1;
    QObject::connect(m_host.get(), &host::Host::finished, &loop, [&](int code) {
        exitCode = code;
        loop.quit();
    });
    QTimer::singleShot(0, m_host.get(), &host::Host::stop);
    QTimer::singleShot(patience, &loop, &QEventLoop::quit);
    loop.exec();
    if (exitCode != 0)
        return broken(QStringLiteral("the host ended with %1").arg(exitCode));
    for (const auto &status : m_status.nodes()) {
        const quint64 in = status->recordsIn.load();
        const quint64 queued = status->recordsQueued.load();
        const bool isSink = status->description.kind == host::NodeKind::Sink;
        if (queued != 0 || (isSink && in != status->recordsOut.load() + status->recordsDropped.load()))
            return broken(QStringLiteral("%1: %2 records in, %3 delivered, %4 dropped, %5 queued")
                              .arg(status->description.name)
                              .arg(in)
                              .arg(status->recordsOut.load())
                              .arg(status->recordsDropped.load())
                              .arg(queued));
    }
    return {};
}

const host::NodeStatus *Product::node(const QString &name) const
{
    for (const auto &status : m_status.nodes()) {
        if (status->description.name == name)
            return status.get(); // added for good
    }
    return nullptr;
}

} // namespace tidemill::bench
