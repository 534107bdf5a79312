// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "line_streams.h"
#include "silence_watch.h"

#include <tidemill/net/feed.h>
#include <tidemill/net/feed_connection.h>

#include <QObject>
#include <QTimer>

#include <algorithm>
#include <memory>
#include <optional>

namespace tidemill::net {

struct FeedContext;

// One FeedConnection of a feed with the streams it carries, and the session that runs on it, made anew each
// time the connection is.
//
// What a session asks of its link takes effect when its call has returned (if it asked from elsewhere: from
// the event loop), so a session is never ended, nor a neighbour called, from within its own code. The signals
// come from outside of all sessions' calls for the same reason.
class FeedLine : public QObject
{
    Q_OBJECT

public:
    using Clock = LineStreams::Clock;

    FeedLine(FeedContext &context, QObject *parent);
    ~FeedLine() override;

    void start(const QList<FeedStream> &streams, std::chrono::milliseconds delay);
    void learnFrom(const FeedLine &other) { m_streams.learnFrom(other.m_streams); }
    void add(const QList<FeedStream> &streams);
    void remove(const QList<int> &streams);
    // Says goodbye: finished() follows, from the event loop. What still comes until then is delivered.
    void leave(std::chrono::milliseconds deadline);

    void pause();
    void resume();
    void watch(Clock::time_point now); // deadlines and silence
    void setLeader(bool isLeader);

    bool isConnected() const { return m_life != nullptr && !m_isLeaving; }
    bool isLive() const { return isConnected() && m_liveSince; }
    bool carries(int stream) const;
    // It took over from `old`: each stream was heard here, or is silent there too.
    bool hasCaughtUpWith(const FeedLine &old, Clock::time_point now) const;
    bool isDue(Clock::time_point now) const { return isConnected() && m_rotateAt && now >= *m_rotateAt; }
    void rotateBy(Clock::time_point at) { m_rotateAt = std::min(at, m_rotateAt.value_or(at)); }
    Clock::time_point openedAt() const { return m_openedAt; }
    std::optional<Clock::time_point> liveSince() const { return m_liveSince; }
    QString name() const;
    Timestamp lastData() const;
    QList<FeedStream> streams() const;
    QList<FeedStream> refusedStreams() const;
    FeedStatistics statistics() const { return m_connection.statistics(); }

Q_SIGNALS:
    void changed(); // connected, live, or another stream confirmed
    void lost(const tidemill::net::LostInfo &info);
    void refused(const tidemill::net::FeedStream &stream, const tidemill::Error &error);
    void rotationWanted(const QString &reason);
    void finished();

private:
    class Life; // a session and its link

    struct Refusal
    {
        FeedStream stream;
        Error error;
    };

    void handleOpened();
    void handleLost(const LostInfo &info);
    void handleFinished();
    template<typename Call>
    void callSession(Call call);
    void settle();
    void settleSoon();
    void recycleSoon(const QString &reason);
    void giveUp(const QString &reason); // for silence
    void judge(qint64 number, int stream, Feed::Verdict verdict);

    FeedContext &m_context;
    const int m_number; // for people
    LineStreams m_streams;
    SilenceWatch m_silence;
    QTimer m_delay{this};
    std::shared_ptr<Life> m_life; // while there is a connection; also held by each call into it
    Clock::time_point m_openedAt;
    std::optional<Clock::time_point> m_liveSince;
    std::optional<Clock::time_point> m_rotateAt;
    std::optional<Clock::time_point> m_readAt; // within receive(): when that read was

    // Asked for by the session, to be done once it has returned.
    QString m_recycleReason;
    QString m_rotateReason;
    QList<Refusal> m_refusals;
    bool m_hasChanged = false;
    bool m_isSettling = false; // an event for it is on its way

    int m_depth = 0; // of calls into the session
    bool m_isLeader = false;
    bool m_isLeaving = false;
    // Last, so that it goes first.
    FeedConnection m_connection{this};
};

} // namespace tidemill::net
