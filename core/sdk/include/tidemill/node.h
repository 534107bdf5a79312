// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>
#include <tidemill/metrics.h>
#include <tidemill/option.h>
#include <tidemill/records.h>

#include <QHash>
#include <QObject>

#include <chrono>
#include <memory>

namespace tidemill {

// What the host tells a node about where it runs. Valid from before validate() until the node is deleted.
struct NodeContext
{
    QString pipeline;
    QString name;
    QString stateDirectory;     // the node's own folder, made on demand by the node; empty: keep no state
    QString baseDirectory;      // what relative paths in options are relative to
    Metrics *metrics = nullptr; // nullptr: counts nowhere
    std::atomic<quint64> *dropped = nullptr; // where Node::drop() counts beside the metrics; nullptr: nowhere
    QHash<QByteArray, QByteArray> positions; // of a source, kept by the run before; see savedPosition()
};

// A piece of a pipeline. The host creates it, sets its options, connects it, starts it, stops it and deletes
// it. Everything from start() on happens on the node's own thread; a node needs no locks for its members.
// Members that are QObjects are parented to the node (QTimer m_timer{this};) so that they move along with it.
class TIDEMILL_SDK_EXPORT Node : public QObject
{
    Q_OBJECT

public:
    using QObject::QObject;

    // Called once, first of all, perhaps only to list the options for documentation.
    virtual OptionList options() { return {}; }
    // Called after the options are set, on any thread: what no single option can see (short must be less than
    // long). Must not touch the network or the disk: `tidemill check` calls it too.
    virtual OptionErrors validate() { return {}; }
    // Called once everything is connected. An error keeps the pipeline from starting; a peer that is away is
    // not one.
    virtual Result<> start() { return {}; }
    // Called once after a successful start(), soon before deletion. Sources: what is held goes out within the
    // call, and nothing after it. Must return at once.
    virtual void stop() {}

    void setContext(const NodeContext &context);
    const NodeContext &context() const { return m_context; }

Q_SIGNALS:
    // Something went wrong that the node cannot mend by itself; its health shows it. For a sink: see Sink.
    void failed(const tidemill::Error &error);
    // It works, but not as it should (a lost connection being retried); ended by recovered().
    void degraded(const tidemill::Error &cause);
    void recovered();

protected:
    // The node's metrics; usable from start() on.
    Counter counter(const char *name, const char *help, const Labels &labels = {}) const;
    Gauge gauge(const char *name, const char *help, const Labels &labels = {}) const;
    Histogram histogram(const char *name, const char *help, const Labels &labels = {}) const;

    // Input that could not be used (a frame that is no JSON): counted in tidemill_rejected_total by `reason`,
    // a short fixed word such as "bad_json"; the detail is logged, not more often than once a second.
    void reject(const char *reason, const QString &detail);
    // Records that arrived and will not go on although nothing is wrong with the graph: counted in
    // tidemill_dropped_total by `reason`.
    void drop(const char *reason, qsizetype records);

private:
    NodeContext m_context;
    QHash<QByteArray, Counter> m_rejected;
    QHash<QByteArray, Counter> m_dropped;
    qint64 m_lastRejectLogMs = 0;
    quint64 m_unloggedRejects = 0;
};

// Stops a node while it is still whole. Without it, a socket that dies as a member of a
// running node reports the lost connection to an object half of which is gone already.
struct TIDEMILL_SDK_EXPORT StopThenDelete
{
    void operator()(Node *node) const;
};

template<typename T = Node>
using NodePtr = std::unique_ptr<T, StopThenDelete>;

class TIDEMILL_SDK_EXPORT Source : public Node
{
    Q_OBJECT

public:
    using Node::Node;

    // What follows is full and asks for no more (true), or has room again (false). A source that reads a
    // socket stops reading it; what it had read already it may still emit. Never called twice with the same
    // value.
    virtual void setPaused(bool paused) { Q_UNUSED(paused) }

    // What is collected now and when each last had data; for /pairs and for health by data age. `key` is what
    // an operator would call it ("BTCUSDT trade"). Any thread may read what these wrote.
    struct Stream
    {
        QByteArray symbol;
        QByteArray stream;
        std::shared_ptr<std::atomic<qint64>> lastDataNs; // 0: none yet
    };

Q_SIGNALS:
    void emitted(const tidemill::BatchPtr &batch);
    // The complete list of streams whenever it changes, so first in start().
    void streamsChanged(const QList<tidemill::Source::Stream> &streams);
    // There is an end to what this source collects (history, a file), and all of it has been emitted: nothing
    // more will ever come. At most once, after the last emitted() and reached(). The node stays as it is
    // until it is stopped; when every source of the host has finished and all sinks have confirmed what came,
    // the run ends by itself. A source that had to leave something out says failed() before.
    void finished();
    // What reached() was called with; for the host and for tests.
    void positionReached(const QByteArray &stream, const QByteArray &position);

protected:
    // A checkpoint: `stream` is complete up to `position` with what has been emitted so far. Once every sink
    // has confirmed all of that, the host keeps the position, and the next run finds it in savedPosition().
    // After emitting, at most once for each burst and stream. Both words are the source's own, any bytes;
    // keep them short and the number of streams bounded. A position never moves past a batch that was
    // abandoned (a shutdown that ran out of time): the next run then begins before it.
    void reached(const QByteArray &stream, const QByteArray &position);
    // Where the run before stood; empty: there was none, or nothing is kept (no state directory). Usable from
    // start() on, and not changed by reached().
    QByteArray savedPosition(const QByteArray &stream) const;
};

class TIDEMILL_SDK_EXPORT Transform : public Node
{
    Q_OBJECT

public:
    using Node::Node;

public Q_SLOTS:
    void receive(const tidemill::BatchPtr &batch) { process(batch); }

Q_SIGNALS:
    void emitted(const tidemill::BatchPtr &batch);

protected:
    // Batches come in the order they were emitted by each input. Build what goes on with
    // BatchBuilder<T>(batch), so that it continues the delivery; emit the batch itself to pass it untouched.
    // Not emitting drops it, which is fine for a filter; call drop() when an operator should see it in the
    // figures.
    virtual void process(const tidemill::BatchPtr &batch) = 0;
};

// A record of a batch that a sink could not store.
struct RowFailure
{
    qsizetype row = 0;    // its index in the batch
    Error error;          // what the peer said, for the log and for whoever reads the dead letters
    bool isFinal = false; // no retry can store it; else it is offered again
};

// Stores or forwards. receive() takes batches in order; flush() ends a group: everything received since the
// last one should now be made safe together (one transaction, one write). Answer for each batch, at any later
// time, in any order:
//
//   delivered(batch)               all of it is safe.
//   partlyDelivered(batch, rows)   all but these rows is safe. Those that are final become dead letters; the
//                                  others come again, before anything else, in a batch of their own.
//   rejected(batch, error)         no retry can ever store any of it.
//
// Or, once, for all that has not been answered yet: failed(error), or delayed(cause, wait) if the peer is
// well but has said when it wants more. The host considers every batch that was not answered as not stored,
// waits, and offers all of them again, in order. An answer that comes after that is for a batch that is not
// in the sink's hands any more: drop what you knew of it. Retry, backoff, circuit breaker, spool and dead
// letters are the host's. A repeated batch must do no harm: use the schema's key.
class TIDEMILL_SDK_EXPORT Sink : public Node
{
    Q_OBJECT

public:
    using Node::Node;

public Q_SLOTS:
    virtual void receive(const tidemill::BatchPtr &batch) = 0;
    virtual void flush() {}

Q_SIGNALS:
    void delivered(const tidemill::BatchPtr &batch);
    // `rows` is not empty, ascending, each row once.
    void partlyDelivered(const tidemill::BatchPtr &batch, const QList<tidemill::RowFailure> &rows);
    void rejected(const tidemill::BatchPtr &batch, const tidemill::Error &error);
    // A rate limit, a peer that loads its data: not counted as a failure, offered again after `wait`.
    void delayed(const tidemill::Error &cause, std::chrono::milliseconds wait);
};

} // namespace tidemill

Q_DECLARE_METATYPE(tidemill::Source::Stream)
