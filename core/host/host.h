// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline.h"

#include <QDeadlineTimer>
#include <QTimer>

namespace tidemill::host {

// Runs pipelines until told to stop. Lives in the main thread and needs its event loop.
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
    // The error: none could start, and why the last one could not.
    Result<> start(const QList<PipelineDescription> &pipelines);

    // Sources stop now; what is under way has until the drain limit. Then finished() comes. Calling it again
    // does nothing.
    void stop();

Q_SIGNALS:
    // 0: everything that had been collected was dealt with; 1: something had to be abandoned (logged,
    // counted), or a pipeline had been left out.
    void finished(int exitCode);

private:
    void leaveOut(std::unique_ptr<Pipeline> pipeline);
    void checkDrained();
    void finish();

    Settings m_settings;
    HostStatus &m_status;
    // Before the pipelines, so that it outlives them: nodes are deleted in their threads.
    NodeThreads m_threads;
    PipelineContext m_context;
    std::vector<std::unique_ptr<Pipeline>> m_pipelines;
    std::vector<std::unique_ptr<Pipeline>> m_stuck; // left out, with a node that never came back from start()
    bool m_isIncomplete = false;                    // a pipeline could not start
    QTimer m_beat{this};
    QTimer m_drainTimer{this};
    QDeadlineTimer m_drainDeadline;
};

} // namespace tidemill::host
