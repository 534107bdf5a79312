// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node_runner.h"
#include "node_threads.h"
#include "pipeline_description.h"
#include "plugin_registry.h"

#include <memory>
#include <vector>

namespace tidemill::host {

struct PipelineContext
{
    PluginRegistry &plugins;
    MetricsRegistry &metrics;
    HostStatus &status;
    NodeThreads &threads;
    QString stateDirectory; // of the host; empty: nodes keep no state
};

// The nodes of one pipeline, connected. All functions: main thread; the nodes work in their own.
class Pipeline
{
public:
    // Creates, configures and connects all nodes; nothing runs yet.
    static Result<std::unique_ptr<Pipeline>> create(const PipelineDescription &description,
                                                    PipelineContext &context);
    ~Pipeline();

    const QString &name() const { return m_name; }

    // Sinks, then transforms, then sources, so that whoever emits is heard.
    Result<> start();

    // A node of it is within its start().
    bool isStarting() const;

    // The steps of a shutdown, in this order. Sources emit nothing after the first.
    void stopSources();
    // Every record that a source has emitted was confirmed, dropped with a reason, or filtered away; and the
    // spools of sinks that work are empty.
    bool isSettled() const;
    // Lets go of what is left, as not delivered. The number of records.
    quint64 abandon();
    void stopRest();

private:
    Pipeline(const PipelineDescription &description, PipelineContext &context);

    Result<> createNode(const NodeDescription &node);
    Result<> connectNodes(const NodeDescription &node);
    NodeRunner *runner(const QString &node) const;
    void eachOf(NodeKind kind, const std::function<void(NodeRunner &)> &function);

    QString m_name;
    PipelineDescription m_description;
    PipelineContext &m_context;
    std::vector<std::unique_ptr<NodeRunner>> m_runners;
    std::vector<std::unique_ptr<Edge>> m_edges;
};

} // namespace tidemill::host
