// SPDX-License-Identifier: Apache-2.0
#include "capturing_session.h"
#include "replay.h"

#include <tidemill/net/feed_source.h>

#include <QDir>
#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcRecording, "tidemill.net.recording")

namespace tidemill::net {

namespace {

// What is left of a name that may be part of a file's.
QString fileNamePart(const QString &name)
{
    QString part = name;
    for (QChar &c : part) {
        const bool isGood = (c >= QLatin1Char('a') && c <= QLatin1Char('z')) ||
                            (c >= QLatin1Char('A') && c <= QLatin1Char('Z')) ||
                            (c >= QLatin1Char('0') && c <= QLatin1Char('9')) || c == QLatin1Char('_');
        if (!isGood)
            c = QLatin1Char('_');
    }
    return part;
}

} // namespace

std::unique_ptr<FeedSession> FeedSource::makeNotedSession(FeedLink &link)
{
    if (!m_capture)
        return makeSession(link);
    return std::make_unique<CapturingSession>(link, *m_capture, m_address,
                                              [this](FeedLink &inner) { return makeSession(inner); });
}

Result<> FeedSource::openCapture(const QUrl &url)
{
    const CaptureOptions &options = m_options.capture;
    if (options.directory.isEmpty())
        return {};
    const QString folder = QDir(context().baseDirectory).absoluteFilePath(options.directory);
    if (!QDir(folder).mkpath(QStringLiteral(".")))
        return Error{Error::Kind::Config, QStringLiteral("capture: cannot make the folder %1").arg(folder)};
    CaptureSettings settings;
    settings.directory = folder;
    settings.name = fileNamePart(context().pipeline) + QLatin1Char('.') + fileNamePart(context().name);
    settings.maxFileBytes = options.maxFile.bytes;
    settings.maxBytes = options.maxBytes.bytes;
    settings.deletesOldest = options.deleteOldest;
    // Keys may stand in a query.
    m_address = url.toEncoded(QUrl::RemoveUserInfo | QUrl::RemoveQuery | QUrl::RemoveFragment);
    m_uncaptured =
        counter("tidemill_capture_missed_frames_total", "Frames that came and are not in the capture.");
    m_capture = std::make_unique<CaptureWriter>(
        settings, CaptureWriter::Owner{m_exchange.name().toByteArray(), context().pipeline, context().name},
        options.rotate);
    m_rest.setObserver([this](const QUrl &asked, const QByteArray &body) {
        m_capture->answered(asked.toEncoded(QUrl::RemoveUserInfo), body, now());
    });
    return {};
}

void FeedSource::watchCapture(Timestamp now)
{
    m_capture->tick(now);
    const qint64 missed = m_capture->missedFrames();
    m_uncaptured.add(quint64(missed - std::exchange(m_uncapturedTold, missed)));
    const QString trouble = m_capture->trouble();
    if (std::exchange(m_captureTrouble, trouble) == trouble)
        return;
    if (!trouble.isEmpty()) {
        qCWarning(lcRecording).noquote() << context().name + QStringLiteral(": ") + trouble;
        emit degraded({Error::Kind::Storage, trouble});
    } else if (m_feed.isLive()) {
        emit recovered();
    }
}

Result<> FeedSource::openReplay()
{
    const ReplayOptions &options = m_options.replay;
    const QString path = QDir(context().baseDirectory).absoluteFilePath(options.from);
    auto input = ReplayInput::open(path, m_exchange.name().toByteArray());
    if (!input)
        return Error{input.error().kind, QStringLiteral("replay: ") + input.error().message};
    m_out.markReplayed();
    m_rest.beginReplay();
    Replay::Handlers handlers;
    handlers.makeSession = [this](FeedLink &link) { return makeSession(link); };
    handlers.interrupted = [this](const QList<int> &streams) { handleInterrupted(streams); };
    handlers.resumed = [this](const QList<int> &streams) { handleResumed(streams); };
    handlers.missed = [this](const QString &what) { handleMissed(what); };
    handlers.wentOn = [this] { m_hasHole = false; };
    handlers.rejected = [this](const Frame &frame) {
        rejectFrame({Error::Kind::Protocol, QStringLiteral("expected UTF-8")}, frame.payload);
    };
    handlers.answered = [this](const QUrl &of, const QByteArray &body) { m_rest.replayAnswer(of, body); };
    handlers.tick = [this] { upkeep(); };
    handlers.ended = [this] { endReplay(); };
    const bool usesRecordedTime = options.clock == ReplayClock::Recorded;
    m_replay = std::make_unique<Replay>(std::move(handlers), std::move(*input), options.factor().value_or(1),
                                        usesRecordedTime, this);
    applyStreams();
    if (!usesRecordedTime)
        m_upkeep.start(upkeepInterval);
    m_replay->start();
    return {};
}

void FeedSource::handleMissed(const QString &what)
{
    m_hasHole = true;
    reject("recording_hole", what);
    emit degraded({Error::Kind::Storage, what});
}

void FeedSource::endReplay()
{
    m_upkeep.stop();
    m_trades->stop();
    m_aggTrades->stop();
    flush();
    const ReplayInput &input = m_replay->input();
    if (const QString damage = input.damage(); !damage.isEmpty())
        qCWarning(lcRecording).noquote()
            << context().name + QStringLiteral(": the recording was played, but ") + damage;
    if (!input.error().isEmpty())
        emit failed({Error::Kind::Storage, input.error()});
    else if (input.damagedBytes() > 0)
        emit failed({Error::Kind::Storage,
                     QStringLiteral("a part of the recording could not be played: ") + input.damage()});
    emit finished();
}

} // namespace tidemill::net
