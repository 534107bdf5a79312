// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/gap_starts.h>
#include <tidemill/net/book_numbers.h>
#include <tidemill/net/continuity.h>
#include <tidemill/net/feed.h>
#include <tidemill/net/rest_client.h>
#include <tidemill/net/source_options.h>
#include <tidemill/node.h>
#include <tidemill/order_book.h>
#include <tidemill/records_out.h>

#include <QElapsedTimer>

#include <deque>
#include <optional>

namespace tidemill::net {

class CaptureWriter;
class Replay;

// What every source with WebSocket feeds does alike: options, connections, wholeness of trades, gaps of what
// has no numbers, health, checkpoints. A source of one exchange derives from it, says in start() which
// streams it wants and what the exchange's limits are, makes sessions, and asks the exchange's history:
//
//     Result<> start() override
//     {
//         for (...) addStream(symbol, "trade", "btcusdt@trade", Numbers::Trades);
//         FeedPlan plan = feedPlan();          // from the options; add the exchange's limits
//         return openFeed(plan, restSettings());
//     }
//
// Lives in its node's thread; everything is called there.
class TIDEMILL_NET_EXPORT FeedSource : public Source
{
    Q_OBJECT

public:
    // What tells whether records of a stream follow each other.
    enum class Numbers {
        None,      // nothing: time away is a Gap, and of several connections only the leader counts
        Trades,    // consecutive trade ids: Continuity fills and orders
        AggTrades, // the same for aggregate trades
        Own,       // the session's own business (books with update ids)
        Pulse,     // it brings no records and only shows that the peer lives: neither gaps nor health
    };

    struct Stream
    {
        Symbol symbol;
        Symbol name;         // "trade", for records and health
        QByteArray feedName; // what the feed calls it
        Numbers numbers = Numbers::None;
        Source::Stream health;
        Timestamp lastReceived;  // null: nothing yet
        Timestamp lastTradeAt;   // exchange's time of the last trade that went out: where history goes on
        Timestamp resumedAt;     // null: nothing to catch up with
        GapStarts gapStarts;     // of gaps that are told here: Continuity has its own
        BookNumbers bookNumbers; // where the exchange numbers no changes of a book
        bool isBook = false;     // a new leader begins it anew, as a whole
        // Where nothing is numbered: the exchange's times of the newest records that the leading connection
        // brought, and that others did, whose are dropped; and the number of the former.
        Timestamp newestTaken;
        Timestamp newestDropped;
        qint64 leader = 0;
        qint64 expectedTrade = 0; // the newest that history was asked for because it was announced
        bool interrupted = false; // a connection was lost and nothing has come since
        bool hasHole = false;     // not that: a part of the recording that is played is missing
        bool wanted = true;       // false once removed
    };

    ~FeedSource() override;

    OptionList options() override { return m_options.options(); }
    OptionErrors validate() override;
    void stop() override;
    void setPaused(bool paused) override;

    // --- for sessions

    Symbol exchange() const { return m_exchange; }
    Stream &stream(int id) { return m_streams[std::size_t(id)]; }
    int streamCount() const { return int(m_streams.size()); }
    RecordsOut &out() { return m_out; }

    // The one clock of all that a session or source dates or judges: in a replay, that of the recording.
    Timestamp now() const;
    // A recording is played (option `replay`): no network is touched, and no history asked.
    bool isReplay() const { return !m_options.replay.from.isEmpty(); }
    // For records that do not go through out().
    Provenance provenance() const { return isReplay() ? Provenance::Replay : Provenance::Live; }

    // Call for each record that a stream brings, first of all. Teaches the stream's rhythm, notes its age for
    // health, and says with a Gap what time away may have cost a stream without numbers. False: another
    // connection tells this stream; leave the record out.
    bool heard(FeedLink &link, int stream, Timestamp happened, Timestamp received);
    // A trade without a price is only counted: it goes out in another form (a frame for a decoder behind).
    void add(int stream, const Trade &trade) { m_trades->add(stream, trade); }
    void add(int stream, const AggTrade &trade) { m_aggTrades->add(stream, trade); }
    // A book, of which `depth` levels a side were asked for (0: all), and a change of it, where the exchange
    // numbers neither: with numbers of ours.
    void addBook(int stream, const OrderBook &book, qint64 depth, Timestamp happened, Timestamp received);
    void addBookChange(int stream, std::span<const Level> bids, std::span<const Level> asks,
                       Timestamp happened, Timestamp received);
    void addGap(int stream, GapCause cause, Timestamp happened, Timestamp received, QByteArrayView reason);
    // For a Gap that a session makes by itself: different ones of a stream never share a ts_from.
    Timestamp gapFrom(int id, Timestamp before) { return stream(id).gapStarts.next(before); }
    // The exchange says that this trade has happened, and it should have come by now. If it has not, history
    // is asked.
    void expectTrade(int stream, qint64 tradeId);
    // Up to this trade id everything went out or is in a Gap for good; -1: no trade yet.
    qint64 completeTo(int stream) const { return m_trades->completeTo(stream); }
    // This trade has not come yet, neither live nor from history.
    bool lacks(int stream, qint64 tradeId) const { return m_trades->lacks(stream, tradeId); }
    // A record that had come before: it does not go on.
    void countRepeat() { drop("repeat", 1); }
    // A record that is older than one that went out, by the exchange's own count: it does not go on.
    void countLate() { drop("late", 1); }
    // A record that cannot be used yet or not here; `reason` is a fixed word.
    void countUnused(const char *reason) { drop(reason, 1); }
    // A message of a kind that is not known: exchanges add kinds at any time, so it is no error.
    void countUnknown() { m_unknown.add(); }
    // The end of a burst: everything collected is emitted. Positions move with it a few times a second: to
    // print one for each stream of each burst would cost more than the rest.
    void flush();
    // Input that could not be used, with the beginning of it for the log.
    void rejectFrame(const Error &error, QByteArrayView frame);

protected:
    FeedSource(const char *exchange, const char *url, const char *restUrl);

    virtual std::unique_ptr<FeedSession> makeSession(FeedLink &link) = 0;
    // Trades first..last (last 0: up to now) from the exchange's history; see Continuity. Answers once, and
    // never within the call.
    virtual void fetchTrades(int stream, qint64 first, qint64 last, Continuity<Trade>::Answer answer);
    virtual void fetchAggTrades(int stream, qint64 first, qint64 last, Continuity<AggTrade>::Answer answer);
    // No connection carries the stream any more; and again one does.
    virtual void streamInterrupted(int stream) { Q_UNUSED(stream) }
    // Four times a second of now(), so in a replay of the recording's: where a source gives up waiting.
    virtual void timePassed(Timestamp now) { Q_UNUSED(now) }
    virtual void streamResumed(int stream){Q_UNUSED(stream)}

    SourceOptions &netOptions()
    {
        return m_options;
    }
    RestClient &rest() { return m_rest; }
    Feed &feed() { return m_feed; }
    // In start(), before openFeed(), and later to add one while running (then call applyStreams()).
    int addStream(Symbol symbol, Symbol name, const QByteArray &feedName, Numbers numbers);
    void removeStream(int id);
    // Tells feed and health which streams are wanted now.
    void applyStreams();
    Result<> openFeed(const FeedPlan &plan, const RestSettings &rest);

private:
    void openNumbers(int id);
    void prepareContinuity();
    void probe(int id, std::function<void(Feed::Verdict)> answer);
    void handleInterrupted(const QList<int> &streams);
    void handleResumed(const QList<int> &streams);
    void catchUpQuiet(Timestamp now);
    void catchUp(int id, const std::function<void(Missed)> &done);
    QByteArray positionKey(const Stream &stream) const;
    void upkeep();
    QList<QByteArray> feedNames(const QList<int> &streams) const;
    // In feed_recording.cpp:
    std::unique_ptr<FeedSession> makeNotedSession(FeedLink &link);
    Result<> openCapture(const QUrl &url);
    void watchCapture(Timestamp now);
    Result<> openReplay();
    void handleMissed(const QString &what);
    void endReplay();
    void tellPositions();
    template<typename R>
    void tellFrom(std::optional<Continuity<R>> &continuity);

    static constexpr std::chrono::milliseconds upkeepInterval{250};

    Symbol m_exchange;
    SourceOptions m_options;
    std::deque<Stream> m_streams;
    RecordsOut m_out;
    RestClient m_rest{this};
    std::optional<Continuity<Trade>> m_trades; // from the first addStream() on
    std::optional<Continuity<AggTrade>> m_aggTrades;
    Counter m_unknown;
    QHash<QByteArray, QByteArray> m_left; // where streams stood that were removed since the start
    QTimer m_upkeep{this};
    QElapsedTimer m_sinceReached; // invalid: never told
    bool m_isOpen = false;
    std::unique_ptr<CaptureWriter> m_capture; // null: nothing is captured
    QByteArray m_address;                     // of the exchange, for the capture
    QString m_captureTrouble;                 // that health was told of
    Counter m_uncaptured;
    qint64 m_uncapturedTold = 0;
    bool m_hasHole = false; // while streams are interrupted because of one
    // Last, so that they go first: their sessions use the members above.
    Feed m_feed;
    std::unique_ptr<Replay> m_replay; // in its place, in a replay
};

} // namespace tidemill::net
