// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host.h"
#include "probe.h"

#include <QVariantMap>

#include <memory>

namespace tidemill::bench {

// A pipeline in a real host, as `tidemill run` has it but for the HTTP endpoint, with a `bench_probe` for a
// sink.
class Product
{
public:
    Product();
    ~Product();
    Q_DISABLE_COPY_MOVE(Product)

    struct NodeSpec
    {
        const char *name = "";
        host::NodeKind kind = host::NodeKind::Source;
        const char *type = "";
        QStringList inputs;
        QVariantMap options;
    };

    Result<> start(const QList<NodeSpec> &nodes);

    // Runs the event loop until the probe has so many rows. An error if they do not come.
    Result<> waitForRows(quint64 rows);

    // Drains and stops. An error if anything was lost or left.
    Result<> stop();

    // Of a node; nullptr if there is none of that name.
    const host::NodeStatus *node(const QString &name) const;
    Probe &probe() { return m_probe; }

private:
    Probe m_probe;
    host::PluginRegistry m_plugins;
    host::MetricsRegistry m_metrics;
    host::HostStatus m_status;
    std::unique_ptr<host::Host> m_host;
};

// Where the host finds the plugins of the product and those of this folder.
QStringList benchPluginPaths();

} // namespace tidemill::bench
