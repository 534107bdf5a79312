// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node_runner.h"
#include "node_threads.h"
#include "pipeline_description.h"
#include "plugin_registry.h"

#include <map>
#include <memory>
#include <set>
#include <vector>

namespace tidemill::host {

class CallWatch;

struct PipelineContext
{
    PluginRegistry &plugins;
    MetricsRegistry &metrics;
    HostStatus &status;
    NodeThreads &threads;
    QString stateDirectory;     // of the host; empty: nodes keep no state
    bool apart = false;         // "main" is a thread of the pipeline's own, not the host's
    CallWatch *watch = nullptr; // told of calls into nodes that live in the calling thread
};

// The nodes of one pipeline, connected. Main thread, but for start(); the nodes work in their own. A node
// that does not come back from a call in time is left behind with its thread: nothing waits for it again.
class Pipeline
{
public:
    // Loads the plugins and finds the threads; no node exists yet.
    static Result<std::unique_ptr<Pipeline>> create(const PipelineDescription &description,
                                                    PipelineContext &context);
    ~Pipeline();

    const QString &name() const { return m_name; }

    // Creates, configures and connects the nodes, then starts them: sinks, then transforms, then sources, so
    // that whoever emits is heard. In any thread if the pipeline is apart, otherwise in the main thread.
    Result<> start();

    // All its sources have, and what they emitted is settled.
    bool isFinished() const;
    // Sources that say they have failed.
    bool hasFailedSource() const;

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
    Result<> startNode(NodeRunner &runner);
    void stopNode(NodeRunner &runner);
    // In that thread. False: it has not come back in time, now or before.
    bool call(QThread *thread, std::function<void()> function);
    NodeRunner *runner(const QString &node) const;
    void eachOf(NodeKind kind, const std::function<void(NodeRunner &)> &function);

    QString m_name;
    PipelineDescription m_description;
    PipelineContext &m_context;
    std::map<QString, QThread *> m_homes; // by node
    std::set<QThread *> m_stuckThreads;
    std::vector<std::unique_ptr<NodeRunner>> m_runners;
    std::vector<std::unique_ptr<Edge>> m_edges;
};

} // namespace tidemill::host
