// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline.h"

#include <QDeadlineTimer>
#include <QTimer>

#include <optional>

namespace tidemill::host {

// Runs pipelines until told to stop. Lives in the main thread and needs its event loop. A single pipeline has
// its nodes there too; of several, each has a thread of its own, so that none can hold up another.
class Host : public QObject
{
    Q_OBJECT

public:
    struct Settings
    {
        QString stateDirectory; // empty: nodes keep no state
        std::chrono::milliseconds drainLimit{10'000};
    };

    Host(PluginRegistry &plugins, MetricsRegistry &metrics, HostStatus &status, const Settings &settings);
    ~Host() override;

    // A pipeline that cannot start is left out and logged; the others run, and the exit code at the end is 1.
    // The error: none could start, and why the last one could not. If a node that lives in the main thread
    // does not come back from a call, the process ends with exit code 1.
    Result<> start(const QList<PipelineDescription> &pipelines);

    // Sources stop now; what is under way has until the drain limit. Then finished() comes. Calling it again
    // does nothing.
    void stop();

Q_SIGNALS:
    // Every source has come to its end, and everything they emitted is dealt with: there is nothing left to
    // do but to stop(). Once.
    void exhausted();
    // 0: everything that had been collected was dealt with; 1: something had to be abandoned (logged,
    // counted), a pipeline had been left out, or a source that came to its end had failed.
    void finished(int exitCode);

private:
    void beat();
    void checkExhausted();
    std::vector<std::unique_ptr<Pipeline>> createAll(const QList<PipelineDescription> &pipelines);
    // Starts them at the same time; their results, in order.
    std::vector<Result<>> startAll(const std::vector<std::unique_ptr<Pipeline>> &pipelines);
    void noteFailed(const QString &pipeline, const Error &error);
    void checkDrained();
    void finish();

    Settings m_settings;
    HostStatus &m_status;
    // Before the pipelines, so that it outlives them: nodes are deleted in their threads.
    NodeThreads m_threads;
    PipelineContext m_context;
    std::vector<std::unique_ptr<Pipeline>> m_pipelines;
    std::optional<Error> m_lastFailure; // a pipeline could not start
    bool m_isExhausted = false;
    bool m_hasFailedSource = false; // when it was
    QTimer m_beat{this};
    QTimer m_drainTimer{this};
    QDeadlineTimer m_drainDeadline;
};

} // namespace tidemill::host
