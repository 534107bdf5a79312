// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/counting_metrics.h>
#include <tidemill/net/feed_source.h>

#include <QMap>

// Help for testing a source's session without a network: the other end of it is a FakeLink, the source around
// it a BareSource, and deliver() is what a socket read would be.

namespace tidemill::net {

// Writes down what a session asks of its connection.
class FakeLink final : public FeedLink
{
public:
    bool send(const QByteArray &text) override
    {
        sent.append(text);
        return true;
    }
    void confirm(const QList<int> &streams) override { confirmed += streams; }
    void refuse(int stream, const Error &error) override { refused.insert(stream, error.message); }
    void heard(int stream, Timestamp) override { heardOf.append(stream); }
    void heardPeer(Timestamp) override { ++signsOfLife; }
    void recycle(const QString &reason) override { recycled.append(reason); }
    void rotate(const QString &reason) override { rotated.append(reason); }
    bool isLeader() const override { return leader; }
    qint64 number() const override { return connection; }

    QByteArrayList sent;
    QList<int> confirmed;
    QMap<int, QString> refused;
    QList<int> heardOf;
    int signsOfLife = 0;
    QStringList recycled;
    QStringList rotated;
    bool leader = true;
    qint64 connection = 1;
};

using testing::CountingMetrics;

// A source that has streams but no connections; a test makes the sessions, or plays one.
class BareSource final : public FeedSource
{
public:
    explicit BareSource(const char *exchange) : FeedSource(exchange, "ws://127.0.0.1", "http://127.0.0.1")
    {
        setContext({.metrics = &metrics});
    }

    using FeedSource::addStream;
    using FeedSource::applyStreams;
    using FeedSource::removeStream;

    // As if no connection carried these streams any more, and as if one did again.
    void interrupt(const QList<int> &streams) { Q_EMIT feed().interrupted(streams); }
    void resume(const QList<int> &streams) { Q_EMIT feed().resumed(streams); }

    // Asked for trades first..last of a stream, if set.
    std::function<void(int stream, qint64 first, qint64 last, Continuity<Trade>::Answer answer)> history;

    CountingMetrics metrics;

protected:
    std::unique_ptr<FeedSession> makeSession(FeedLink &) override { return {}; }
    void fetchTrades(int stream, qint64 first, qint64 last, Continuity<Trade>::Answer answer) override
    {
        if (history)
            history(stream, first, last, answer);
        else
            FeedSource::fetchTrades(stream, first, last, answer);
    }
};

// These messages as one read of the socket.
inline void deliver(FeedSession &session, const QByteArrayList &texts, Timestamp received)
{
    constexpr qsizetype readableBehind = 64;
    QByteArrayList padded;
    std::vector<Frame> frames;
    for (const QByteArray &text : texts)
        padded.append(text + QByteArray(readableBehind, ' '));
    for (qsizetype i = 0; i < texts.size(); ++i)
        frames.push_back({.payload = QByteArrayView(padded[i]).first(texts[i].size())});
    session.receive(Frames(frames, received));
}

} // namespace tidemill::net
