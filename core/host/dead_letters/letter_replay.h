// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../edge.h"
#include "../metrics_registry.h"
#include "../node_runner.h"
#include "../plugin_registry.h"

#include <QTimer>

#include <memory>
#include <optional>

namespace tidemill::host {

class LetterSource;

// Offers dead letters to a sink again, as a pipeline without sources would. A letter is removed when the sink
// has answered for all of its records; those it refuses again have a new letter by then. What it does not
// answer for stays. One thread, with an event loop: the node's.
class LetterReplay final : public QObject
{
    Q_OBJECT

public:
    struct Outcome
    {
        quint64 letters = 0; // offered
        quint64 left = 0;    // of them, those that are still there
        quint64 recordsStored = 0;
        quint64 recordsRefused = 0; // again
        QStringList problems;       // letters that could not be read or removed
        bool isClean() const { return left == 0 && recordsRefused == 0 && problems.isEmpty(); }
    };

    // `sink` has not been started; makeReplaySink() makes one. `letters`: files, in the order to offer them.
    LetterReplay(std::unique_ptr<NodeRunner> sink, const QStringList &letters, MetricsRegistry &metrics);
    ~LetterReplay() override;

    Result<> start();
    // Before all is answered for. finished() comes.
    void stop();
    Outcome outcome() const;

Q_SIGNALS:
    // Once.
    void finished();

private:
    void checkFinished();
    void finish();

    std::unique_ptr<NodeRunner> m_sink;
    std::unique_ptr<NodeRunner> m_source;
    LetterSource *m_letters;
    std::unique_ptr<QueuedEdge> m_edge;
    QTimer m_timer{this};
    std::optional<quint64> m_refused; // when it was over
};

// The sink of that name as the pipeline has it, but for what only a running host does: nothing lingers, and
// what is refused is always kept. The state directory is the host's and must be there.
Result<std::unique_ptr<NodeRunner>> makeReplaySink(const PipelineDescription &pipeline, const QString &sink,
                                                   const QString &stateDirectory, PluginRegistry &plugins,
                                                   MetricsRegistry &metrics);

// Where the letters of one sink of a host are.
QString letterFolderOf(const QString &stateDirectory, const QString &pipeline, const QString &sink);

} // namespace tidemill::host
