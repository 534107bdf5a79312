// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/export.h>
#include <tidemill/net/frames.h>
#include <tidemill/result.h>

#include <QByteArray>
#include <QList>

namespace tidemill::net {

// One subscription that a source wants. `id` is the source's own index for it, never used twice in a feed's
// life; `name` is what the exchange calls it ("btcusdt@trade") and is unique among the streams of a feed.
struct FeedStream
{
    int id = 0;
    QByteArray name;
};

// The connection that a session runs on, as far as the session may use it. Belongs to the Feed.
class TIDEMILL_NET_EXPORT FeedLink
{
public:
    // Queues a text message behind the exchange's limit for such; false if the connection is gone or too many
    // wait: nothing to do then, as the session ends with its connection.
    virtual bool send(const QByteArray &text) = 0;
    // The exchange acknowledged these streams, or needs no acknowledgement. When all that were asked for are
    // confirmed or refused, the connection is live.
    virtual void confirm(const QList<int> &streams) = 0;
    // The exchange will not deliver this stream (a delisted symbol): shown in health by name, not retried on
    // this connection.
    virtual void refuse(int stream, const Error &error) = 0;
    // A message of that stream came. Teaches its rhythm, so silence is noticed.
    virtual void heard(int stream, Timestamp received) = 0;
    // Something came that shows the peer is alive (a heartbeat) and that belongs to no stream.
    virtual void heardPeer(Timestamp received) = 0;
    // Drops the connection (once the session's call has returned) and starts over with the usual delay: after
    // a refused subscription or a hole that only a new snapshot mends.
    virtual void recycle(const QString &reason) = 0;
    // The exchange announced that it will close: the successor is opened first, then this one is left.
    virtual void rotate(const QString &reason) = 0;

    // Of all connections that carry the same streams (redundancy, rotation) the one whose records count where
    // records carry no id to tell repeats by. See FeedSession::lead().
    virtual bool isLeader() const = 0;
    // Counts the connections of this process, from 1.
    virtual qint64 number() const = 0;

protected:
    FeedLink() = default;
    ~FeedLink() = default;
    Q_DISABLE_COPY_MOVE(FeedLink)
};

// What a source does on one connection: subscribe, and understand what comes. Made anew for each connection
// that is made and deleted when that is lost, so that nothing a connection brought with it (sequence numbers,
// acknowledgements, books) can outlive it. Called in the source's thread only. A session may call its link
// from any of these; the link ends the session only after they have returned.
class TIDEMILL_NET_EXPORT FeedSession
{
public:
    virtual ~FeedSession();

    // Once when the connection is open, with all its streams, and later for those that are added.
    virtual void subscribe(const QList<FeedStream> &streams) = 0;
    // For those that are no longer wanted while the connection lives.
    virtual void unsubscribe(const QList<FeedStream> &streams) = 0;
    // All messages of one socket read. The views are valid until it returns.
    virtual void receive(const Frames &frames) = 0;
    // From now on this session's connection is the leader: the oldest that is live, or while none is, the
    // oldest that is open. What has no ids (a book without update numbers) starts over here: emit the whole
    // book.
    virtual void lead() {}
};

} // namespace tidemill::net
