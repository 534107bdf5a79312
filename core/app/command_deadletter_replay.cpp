// SPDX-License-Identifier: Apache-2.0
#include "command_deadletter.h"
#include "commands.h"
#include "host/dead_letters/letter_replay.h"
#include "host/dead_letters/letter_store.h"
#include "host/json_log.h"
#include "pipeline_loading.h"
#include "shutdown_signals.h"
#include "state_directory.h"

#include <tidemill/option.h>

#include <QCommandLineParser>
#include <QEventLoop>
#include <QFileInfo>

#include <optional>

namespace tidemill::app {

namespace {

using host::LetterReplay;

int wrongUsage(const QString &message)
{
    printError(QStringLiteral("tidemill deadletter replay: %1\n").arg(message));
    return WrongUsage;
}

// Ends the replay that runs when the time is over or a signal has come, and all that follow.
class Limit : public QObject
{
public:
    explicit Limit(std::optional<std::chrono::milliseconds> time)
    {
        connect(&m_shutdown, &ShutdownSignals::received, this, [this] { end(); });
        connect(&m_timer, &QTimer::timeout, this, [this] { end(); });
        m_timer.setSingleShot(true);
        if (time)
            m_timer.start(*time);
    }

    bool isOver() const { return m_over; }
    void watch(LetterReplay *replay) { m_replay = replay; }

private:
    void end()
    {
        m_over = true;
        if (m_replay)
            m_replay->stop();
    }

    ShutdownSignals m_shutdown;
    QTimer m_timer;
    LetterReplay *m_replay = nullptr;
    bool m_over = false;
};

// True: nothing is left of those letters.
bool run(LetterReplay &replay, const QString &sink, qsizetype letters, Limit &limit)
{
    QEventLoop loop;
    QObject::connect(&replay, &LetterReplay::finished, &loop, &QEventLoop::quit, Qt::QueuedConnection);
    if (const auto started = replay.start(); !started) {
        printError(QStringLiteral("%1: %2\n").arg(sink, started.error().message));
        return false;
    }
    limit.watch(&replay);
    loop.exec();
    limit.watch(nullptr);

    const LetterReplay::Outcome outcome = replay.outcome();
    print(QStringLiteral(
              "%1: %2 dead letters: %3 records stored, %4 refused again, %5 letters not dealt with\n")
              .arg(sink)
              .arg(letters)
              .arg(outcome.recordsStored)
              .arg(outcome.recordsRefused)
              .arg(outcome.left + quint64(letters) - std::min(quint64(letters), outcome.letters)));
    for (const QString &problem : outcome.problems)
        printError(problem + QLatin1Char('\n'));
    return outcome.isClean() && !limit.isOver();
}

int replayAll(const host::PipelineDescription &pipeline, const QStringList &sinks, const QString &state,
              host::PluginRegistry &plugins, Limit &limit)
{
    int exitCode = Success;
    for (const QString &sink : sinks) {
        const QString folder = host::letterFolderOf(state, pipeline.name, sink);
        if (host::letterFiles(folder).isEmpty()) {
            print(QStringLiteral("%1: no dead letters\n").arg(sink));
            continue;
        }
        QFile lock;
        if (const auto locked = host::lockReplay(lock, folder); !locked) {
            printError(QStringLiteral("%1: %2\n").arg(sink, locked.error().message));
            exitCode = Failed;
            continue;
        }
        const QStringList letters = host::letterFiles(folder);
        host::MetricsRegistry metrics;
        auto runner = host::makeReplaySink(pipeline, sink, state, plugins, metrics);
        if (!runner) {
            printError(QStringLiteral("%1: %2\n").arg(sink, runner.error().message));
            exitCode = Failed;
            continue;
        }
        LetterReplay offered(*std::move(runner), letters, metrics);
        if (!run(offered, sink, letters.size(), limit))
            exitCode = Failed;
        if (limit.isOver())
            return Failed;
    }
    return exitCode;
}

} // namespace

int replayDeadLetters(const QCommandLineParser &parser, const QStringList &words)
{
    if (words.isEmpty() || words.size() > 2)
        return wrongUsage(QStringLiteral("expected a pipeline file, and perhaps one of its sinks"));
    if (!QFileInfo(words.first()).isFile())
        return wrongUsage(QStringLiteral("%1: no such file").arg(words.first()));
    const QString state = stateDirectory(parser);
    if (state.isEmpty())
        return wrongUsage(QStringLiteral("expected --state-dir"));
    std::optional<std::chrono::milliseconds> time;
    if (parser.isSet(QStringLiteral("for"))) {
        time.emplace();
        if (const auto set = detail::assignOption(*time, Value::scalar(parser.value(QStringLiteral("for"))));
            !set)
            return wrongUsage(QStringLiteral("--for: ") + set.error().message);
    }

    host::PluginRegistry plugins(host::pluginSearchPaths(parser.values(QStringLiteral("plugin-path"))),
                                 pluginProbe());
    const LoadedPipelines loaded = loadPipelines({words.first()}, plugins);
    if (!loaded.errors.isEmpty()) {
        printError(loaded.errors);
        return WrongUsage;
    }
    if (loaded.pipelines.isEmpty()) {
        printError(loaded.unusable.join(QLatin1Char('\n')) + QLatin1Char('\n'));
        return Failed;
    }
    const host::PipelineDescription &pipeline = loaded.pipelines.first();
    QStringList sinks;
    for (const host::NodeDescription &node : pipeline.nodes) {
        if (node.kind == host::NodeKind::Sink)
            sinks.append(node.name);
    }
    if (words.size() > 1 && !sinks.contains(words[1])) {
        const QString meant = nearestName(words[1], sinks);
        return wrongUsage(
            QStringLiteral("%1 has no sink '%2'%3")
                .arg(words.first(), words[1],
                     meant.isEmpty() ? QString() : QStringLiteral("; did you mean '%1'?").arg(meant)));
    }
    host::LogSettings log;
    log.level = host::LogLevel::Warning;
    log.fd = 2;
    host::installLog(log);
    host::setSecrets(loaded.secrets);
    Limit limit(time);
    return replayAll(pipeline, words.size() > 1 ? QStringList{words[1]} : sinks, state, plugins, limit);
}

} // namespace tidemill::app
