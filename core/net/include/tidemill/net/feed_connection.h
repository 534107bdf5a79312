// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/export.h>
#include <tidemill/net/feed_settings.h>
#include <tidemill/net/websocket_client.h>

#include <QObject>
#include <QTimer>

namespace tidemill::net {

class ControlQueue;

// The life of one connection to an exchange: connect, subscribe, live; silent (probe, then start over); lost
// (back off, then again, for ever). What to subscribe to and what the messages mean is the plugin's.
//
// All state of a connection dies with it: on each opened() the plugin subscribes anew and forgets sequence
// numbers and books. Use it as a value member that is a child of the node: net::FeedConnection m_feed{this};
// Lives in one thread and needs its event loop.
class TIDEMILL_NET_EXPORT FeedConnection : public QObject
{
    Q_OBJECT

public:
    enum class State {
        Idle, // not opened yet
        Connecting,
        Subscribing, // open; waits for confirmSubscribed()
        Live,
        Silent, // nothing came for too long; a ping is out
        Lost,   // waits for the next try
        Closing,
        Closed,
    };
    Q_ENUM(State)

    explicit FeedConnection(QObject *parent = nullptr);
    ~FeedConnection() override; // silent, as for WebSocketClient

    // What open() would refuse. Touches no network.
    static Result<> check(const FeedSettings &settings);

    // Only settings that can never work are an error; an exchange that is away is not. Emits no opened() or
    // lost() before it returns.
    Result<> open(const FeedSettings &settings);

    // Says goodbye, waits for the exchange at most that long; finished() follows in any case, never within
    // the call.
    void close(std::chrono::milliseconds deadline = std::chrono::seconds(2));

    // Queues a text message behind the exchange's limit for such. False, with nothing queued, if there is no
    // connection now (opened() will come again) or too many wait already. The queue dies with the connection.
    bool send(const QByteArray &text);

    bool hasUnsent() const; // some of it still waits for the exchange's limit

    // For who watches over silence himself. Goes out at once and counts against the limit.
    bool ping();

    // The plugin saw the exchange's acknowledgement, or needs none.
    void confirmSubscribed();

    // Back-pressure: see WebSocketClient. A paused connection is not silent, and no deadline runs.
    void pause();
    void resume();

    // Drops the connection and starts over with the usual delay: after a hole in the data, say.
    void recycle(const QString &reason);

    State state() const { return m_state; }
    bool isConnected() const;
    bool isPaused() const { return m_client.isPaused(); }
    FeedStatistics statistics() const;

Q_SIGNALS:
    void stateChanged(tidemill::net::FeedConnection::State state, const QString &reason);
    void opened();                                            // each time: subscribe now
    void framesReceived(const tidemill::net::Frames &frames); // as WebSocketClient's, the same views
    void pongReceived();
    void lost(const tidemill::net::LostInfo &info);
    void recovered(tidemill::Timestamp since); // live again; `since` is that of the first loss
    void finished();                           // after close()

private:
    void attempt();
    void handleOpened();
    void handleFrames(const Frames &frames);
    void handleClosed(const CloseInfo &info);
    void handleTimeout();
    void watch();
    void probe();
    void startTimer(std::chrono::milliseconds delay);
    void setState(State state, const QString &reason);

    using Clock = std::chrono::steady_clock;

    FeedSettings m_settings;
    WebSocketSettings m_socketSettings;
    WebSocketClient m_client{this};
    ControlQueue *m_queue; // a child
    Backoff m_backoff;
    RateLimiter m_connectLimiter;
    // One at a time, the state says for what: next try, acknowledgement, silence, probe, end of close().
    QTimer m_timer{this};

    State m_state = State::Idle;
    FeedStatistics m_statistics;
    QString m_recycleReason;
    std::optional<Timestamp> m_lostSince;
    std::optional<Clock::time_point> m_firstData; // of this connection, until it has proved good
    Clock::time_point m_lastActivity;
    bool m_isGood = false;
    bool m_wasOpen = false;
    bool m_peerAnswers = false; // a pong came since the probe
};

} // namespace tidemill::net
