// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/export.h>
#include <tidemill/net/feed_session.h>
#include <tidemill/net/feed_settings.h>

#include <QObject>
#include <QTimer>

#include <chrono>
#include <functional>
#include <memory>

namespace tidemill::net {

class FeedShard;
struct FeedContext;

// How a feed spreads over connections and when it gives one up.
struct FeedPlan
{
    FeedSettings connection;
    int streamsPerConnection = 1024;
    // Connections that carry the same streams. Of records with ids the first to come counts, of others the
    // leader's.
    int redundancy = 1;

    // Planned rotation: a connection this old gets a successor, and is left once the successor delivers.
    // Zero: never. Spread by up to a tenth, earlier, so that not all connections rotate at once.
    std::chrono::milliseconds lifetime{std::chrono::hours(23)};
    // A handover waits at most that long for a successor that is live to deliver what the old one does.
    std::chrono::milliseconds handoverTimeout{30'000};
    // Silence of a stream is judged by its own rhythm, within these bounds. Beyond the ceiling only where the
    // stream itself has shown such gaps, or its silence was found to be right.
    std::chrono::milliseconds silenceFloor{2'000};
    std::chrono::milliseconds silenceCeiling{60'000};
    std::chrono::milliseconds probeTimeout{1'000}; // for the peer's pong and for the prober's answer
};

// What is wrong or was, for one line of the log or of health.
struct FeedTrouble
{
    QString what; // complete: which connection, what happened, what is done about it
    Error::Kind kind = Error::Kind::Network;
    QList<int> streams; // that are concerned
    Timestamp since;    // of the last data of them, null if there never was any
};

struct FeedFigures
{
    int connections = 0; // wanted
    int connectionsLive = 0;
    quint64 connectAttempts = 0;
    quint64 losses = 0; // connections lost, and attempts that failed
    quint64 rotations = 0;
    quint64 silences = 0; // connections recycled because nothing came
    quint64 bytesReceived = 0;
    quint64 framesReceived = 0;
};

// All connections of a source: streams are spread over them, each lives by the same rules, a session of the
// source's own runs on each. Streams can be added and removed while it runs. One mechanism for every
// exchange:
//
//   lost      backoff with full jitter, Retry-After honoured, reset only after data has flowed;
//   silent    a stream that is quiet for longer than its rhythm explains is looked into: the peer is pinged,
//             and the source's prober asks the exchange's history whether something was missed. No sign of
//             life, or something missed: the connection is recycled. Nothing missed: the market is quiet, and
//             the stream is given twice the time. Without a prober, or if it cannot tell, a connection of
//             which every stream is quiet is recycled once, and then given twice the time. The peer is also
//             pinged when all that it sends together stops for longer than its rhythm explains;
//   old       make before break: the successor is live, and has delivered or is as quiet as the old one,
//             before the old one is closed. Records that both deliver are the continuity's to drop. What the
//             old one still delivers until it is closed reaches its session.
//
// Use it as the last value member of a source, a child of the node: net::Feed m_feed{this}; lives in one
// thread and needs its event loop.
class TIDEMILL_NET_EXPORT Feed : public QObject
{
    Q_OBJECT

public:
    using SessionFactory = std::function<std::unique_ptr<FeedSession>(FeedLink &link)>;
    // Was anything of that stream missed? The answer may come at any later time, from the event loop.
    enum class Verdict { Quiet, Missed, Unknown };
    using Prober = std::function<void(int stream, std::function<void(Verdict)> answer)>;

    explicit Feed(SessionFactory factory, QObject *parent = nullptr);
    ~Feed() override; // silent; not from within a session's call or one of our signals

    void setProber(Prober prober); // before open()

    // Only settings that can never work are an error; an exchange that is away is not.
    Result<> open(const FeedPlan &plan, const QList<FeedStream> &streams);
    // What is wanted from now on: the difference is subscribed and unsubscribed on running connections, new
    // connections are made and empty ones closed as needed. Takes effect from the event loop, so that what is
    // set several times in one go is one difference.
    void setStreams(const QList<FeedStream> &streams);
    // Says goodbye on all connections; finished() follows, never within the call. Then it may be opened
    // again.
    void close(std::chrono::milliseconds deadline = std::chrono::seconds(2));

    // Back-pressure. A paused feed is not silent.
    void pause();
    void resume();
    bool isPaused() const;

    bool isLive() const; // every connection that is wanted is
    FeedFigures figures() const;

Q_SIGNALS:
    // A connection is lost, mute or cannot be made, or a stream was refused: the source is degraded until
    // recovered(). Not for a successor, as long as the old connection goes on.
    void troubled(const tidemill::net::FeedTrouble &trouble);
    // Every stream that was troubled flows again, and none is refused.
    void recovered();
    // That connection was lost with these streams on it and no other carries them now: what follows may not
    // continue what was.
    void interrupted(const QList<int> &streams);
    // The streams are delivered again (or for the first time).
    void resumed(const QList<int> &streams);
    void finished();

private:
    void spread();
    QList<FeedShard *> openShards() const;
    void startShard(const QList<FeedStream> &streams);
    void reportTrouble(const FeedTrouble &trouble, bool isRefusal);
    void settleHealth();
    void finish();

    std::unique_ptr<FeedContext> m_context; // what the shards share; goes after them
    QList<FeedShard *> m_shards;            // children
    QList<FeedStream> m_wanted;
    QTimer m_spread{this}; // what is wanted has changed
    QTimer m_watch{this};
    std::chrono::steady_clock::time_point m_nextStart; // of the next new connection
    bool m_isOpen = false;
    bool m_isClosing = false;
    bool m_isTroubled = false;
    bool m_isAboutRefusals = false; // the last trouble that was told
};

} // namespace tidemill::net
