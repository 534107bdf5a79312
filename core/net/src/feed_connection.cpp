// SPDX-License-Identifier: Apache-2.0
#include "control_queue.h"

#include <tidemill/net/feed_connection.h>

#include <QLoggingCategory>

#include <algorithm>
#include <utility>

Q_LOGGING_CATEGORY(lcFeed, "tidemill.net.feed")

namespace tidemill::net {

using std::chrono::milliseconds;

FeedConnection::FeedConnection(QObject *parent) : QObject(parent), m_queue(new ControlQueue(this))
{
    connect(&m_client, &WebSocketClient::opened, this, &FeedConnection::handleOpened);
    connect(&m_client, &WebSocketClient::framesReceived, this, &FeedConnection::handleFrames);
    connect(&m_client, &WebSocketClient::closed, this, &FeedConnection::handleClosed);
    connect(&m_client, &WebSocketClient::pongReceived, this, [this] {
        m_peerAnswers = true;
        emit pongReceived();
    });
    connect(&m_client, &WebSocketClient::pongSent, m_queue, &ControlQueue::record);
    connect(m_queue, &ControlQueue::due, this, [this](const QByteArray &message) {
        if (const auto sent = m_client.sendText(message); !sent)
            recycle(sent.error().message); // a lost subscription must not go unnoticed
    });
    m_timer.setSingleShot(true);
    m_timer.setTimerType(Qt::PreciseTimer); // a coarse one may be early; the connect limit is not for that
    connect(&m_timer, &QTimer::timeout, this, &FeedConnection::handleTimeout);
}

FeedConnection::~FeedConnection() = default;

static WebSocketSettings socketSettings(const FeedSettings &settings)
{
    WebSocketSettings socket;
    socket.headers = settings.headers;
    socket.proxy = settings.proxy;
    socket.caFile = settings.caFile;
    socket.compression = settings.compression;
    socket.connectTimeout = socket.handshakeTimeout = settings.connectTimeout;
    socket.maxMessageBytes = settings.maxMessageBytes;
    return socket;
}

Result<> FeedConnection::check(const FeedSettings &settings)
{
    return WebSocketClient::check(settings.url, socketSettings(settings));
}

Result<> FeedConnection::open(const FeedSettings &settings)
{
    if (m_state != State::Idle && m_state != State::Closed)
        return Error{Error::Kind::Internal, QStringLiteral("this connection is open already")};
    const WebSocketSettings socket = socketSettings(settings);
    if (const auto checked = WebSocketClient::check(settings.url, socket); !checked)
        return checked.error();

    m_settings = settings;
    m_socketSettings = socket;
    m_backoff = Backoff(settings.backoff);
    m_connectLimiter =
        RateLimiter::shared(QStringLiteral("connect ") + settings.url.host(), settings.connectLimit);
    m_lostSince.reset();
    m_recycleReason.clear();
    m_wasOpen = false;
    setState(State::Connecting, QStringLiteral("opened"));
    startTimer(milliseconds(0));
    return {};
}

void FeedConnection::attempt()
{
    if (const milliseconds wait = m_connectLimiter.tryTake(); wait.count() > 0) {
        qCInfo(lcFeed, "%s: next try in %lld ms, as there were too many",
               qUtf8Printable(m_settings.url.host()), static_cast<long long>(wait.count()));
        startTimer(wait);
        return;
    }
    ++m_statistics.connectAttempts;
    // A CA file may have gone since the first time; then that is one more failed try.
    if (const auto opened = m_client.open(m_settings.url, m_socketSettings); !opened) {
        CloseInfo info;
        info.kind = opened.error().kind;
        info.message = opened.error().message;
        handleClosed(info);
        return;
    }
    if (m_state != State::Connecting)
        setState(State::Connecting, QStringLiteral("trying again"));
}

void FeedConnection::handleOpened()
{
    if (std::exchange(m_wasOpen, true))
        ++m_statistics.reconnects;
    m_queue->restart(m_settings.controlLimit);
    m_firstData.reset();
    m_isGood = false;
    qCInfo(lcFeed, "%s: connected%s", qUtf8Printable(m_settings.url.host()),
           m_client.isCompressed() ? ", compressed" : "");
    setState(State::Subscribing, QStringLiteral("connected"));
    watch();
    if (isConnected())
        emit opened();
}

void FeedConnection::confirmSubscribed()
{
    if (m_state != State::Subscribing)
        return;
    m_lastActivity = Clock::now();
    const std::optional<Timestamp> since = std::exchange(m_lostSince, std::nullopt);
    setState(State::Live, QStringLiteral("subscribed"));
    watch();
    if (since && m_state == State::Live)
        emit recovered(*since);
}

void FeedConnection::handleFrames(const Frames &frames)
{
    const Clock::time_point now = Clock::now();
    m_lastActivity = now;
    m_statistics.lastDataAt = frames.received();
    // Not on connecting: an exchange that takes us in and throws us out must not be retried at full speed.
    if (!m_isGood) {
        if (!m_firstData)
            m_firstData = now;
        if (now - *m_firstData >= m_settings.goodAfter) {
            m_isGood = true;
            m_backoff.reset();
        }
    }
    if (m_state == State::Silent) {
        setState(State::Live, QStringLiteral("data came"));
        watch();
    }
    emit framesReceived(frames);
}

void FeedConnection::handleClosed(const CloseInfo &info)
{
    m_timer.stop();
    m_queue->restart(m_settings.controlLimit);
    if (m_state == State::Closing) {
        setState(State::Closed, info.message);
        emit finished();
        return;
    }
    LostInfo lostInfo;
    lostInfo.reason = m_recycleReason.isEmpty() ? info.message : std::exchange(m_recycleReason, {});
    lostInfo.kind = info.kind;
    lostInfo.since = m_statistics.lastDataAt;
    lostInfo.nextTry = m_backoff.next(info.retryAfter);
    if (info.handshakeStatus >= 400 && info.handshakeStatus <= 404 && m_settings.refusedPause.count() > 0) {
        lostInfo.nextTry = std::max(lostInfo.nextTry, m_settings.refusedPause);
        lostInfo.kind = Error::Kind::Config;
    }
    lostInfo.attempt = m_backoff.attempts();
    lostInfo.closeCode = info.code;
    lostInfo.handshakeStatus = info.handshakeStatus;
    if (!m_lostSince)
        m_lostSince = lostInfo.since;
    qCWarning(lcFeed, "%s: connection lost: %s; retrying in %lld ms", qUtf8Printable(m_settings.url.host()),
              qUtf8Printable(lostInfo.reason), static_cast<long long>(lostInfo.nextTry.count()));
    startTimer(lostInfo.nextTry);
    setState(State::Lost, lostInfo.reason);
    if (m_state == State::Lost)
        emit lost(lostInfo);
}

void FeedConnection::handleTimeout()
{
    switch (m_state) {
    case State::Connecting:
    case State::Lost:
        attempt();
        break;
    case State::Subscribing:
        recycle(QStringLiteral("no acknowledgement of the subscription in %1 ms")
                    .arg(m_settings.subscribeTimeout.count()));
        break;
    case State::Live:
        probe();
        break;
    case State::Silent:
        recycle(m_peerAnswers ? QStringLiteral("no data, although the peer answers a ping")
                              : QStringLiteral("no data, and no answer to a ping"));
        break;
    case State::Closing:
        if (m_client.state() == WebSocketClient::State::Closed)
            handleClosed({});
        else
            m_client.abort();
        break;
    case State::Idle:
    case State::Closed:
        break;
    }
}

// Starts the deadline of the state; not while paused, when nothing can come.
void FeedConnection::watch()
{
    if (!isConnected())
        return; // a slot that heard of the state has ended it, and the timer is for the next try
    m_timer.stop();
    if (m_client.isPaused())
        return;
    if (m_state == State::Subscribing && m_settings.subscribeTimeout.count() > 0)
        startTimer(m_settings.subscribeTimeout);
    else if (m_state == State::Live && m_settings.silenceLimit.count() > 0)
        startTimer(m_settings.silenceLimit);
    else if (m_state == State::Silent)
        startTimer(m_settings.probeTimeout);
}

void FeedConnection::probe()
{
    // The timer is not touched for each frame; it looks back when it runs out.
    const auto idle = std::chrono::duration_cast<milliseconds>(Clock::now() - m_lastActivity);
    if (idle < m_settings.silenceLimit) {
        startTimer(m_settings.silenceLimit - idle);
        return;
    }
    m_peerAnswers = false;
    ping();
    setState(State::Silent, QStringLiteral("no data for %1 ms").arg(idle.count()));
    watch();
}

void FeedConnection::startTimer(milliseconds delay)
{
    m_timer.start(std::max(delay, milliseconds(0)));
}

bool FeedConnection::send(const QByteArray &text)
{
    return isConnected() && m_queue->append(text);
}

bool FeedConnection::ping()
{
    if (!isConnected() || !m_client.ping())
        return false;
    m_queue->record();
    return true;
}

bool FeedConnection::hasUnsent() const
{
    return !m_queue->isEmpty();
}

void FeedConnection::pause()
{
    if (isPaused())
        return;
    m_client.pause();
    if (isConnected())
        m_timer.stop();
}

void FeedConnection::resume()
{
    if (!isPaused())
        return;
    m_client.resume();
    m_lastActivity = Clock::now();
    if (isConnected())
        watch();
}

void FeedConnection::recycle(const QString &reason)
{
    if (!isConnected())
        return;
    m_recycleReason = reason;
    m_client.abort();
}

void FeedConnection::close(milliseconds deadline)
{
    if (m_state == State::Closing)
        return;
    const bool wasConnected = isConnected();
    m_queue->restart(m_settings.controlLimit);
    setState(State::Closing, QStringLiteral("closing"));
    if (!wasConnected) {
        startTimer(milliseconds(0)); // ends an attempt under way, if there is one
        return;
    }
    startTimer(deadline);
    m_client.close();
}

bool FeedConnection::isConnected() const
{
    return m_state == State::Subscribing || m_state == State::Live || m_state == State::Silent;
}

FeedStatistics FeedConnection::statistics() const
{
    FeedStatistics statistics = m_statistics;
    statistics.bytesReceived = m_client.receivedBytes();
    statistics.framesReceived = m_client.receivedFrames();
    return statistics;
}

void FeedConnection::setState(State state, const QString &reason)
{
    m_state = state;
    emit stateChanged(state, reason);
}

} // namespace tidemill::net
