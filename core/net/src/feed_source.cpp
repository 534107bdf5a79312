// SPDX-License-Identifier: Apache-2.0
#include "capture_writer.h"
#include "replay.h"

#include <tidemill/net/feed_source.h>

#include <algorithm>

namespace tidemill::net {

namespace {

// A lively stream shows by its next record what was missed; only the others are asked about, as asking costs.
constexpr std::chrono::seconds quietAfterResume{2};

// Not within the call: what an answer brings out may only be emitted when the record that showed the hole has
// been dealt with.
template<typename R>
void answerNothing(QObject *context, const typename Continuity<R>::Answer &answer)
{
    const auto later = [answer] {
        answer(Error{Error::Kind::Config, QStringLiteral("this exchange has no history of that")});
    };
    QMetaObject::invokeMethod(context, later, Qt::QueuedConnection);
}

} // namespace

FeedSource::FeedSource(const char *exchange, const char *url, const char *restUrl)
    : m_exchange(exchange)
    , m_options(url, restUrl)
    , m_out([this](const BatchPtr &batch) { emit emitted(batch); })
    , m_feed([this](FeedLink &link) { return makeNotedSession(link); }, this)
{
    connect(&m_feed, &Feed::troubled, this, [this](const FeedTrouble &trouble) {
        emit degraded({trouble.kind, trouble.what});
    });
    connect(&m_feed, &Feed::recovered, this, [this] {
        emit recovered();
        if (!m_captureTrouble.isEmpty())
            emit degraded({Error::Kind::Storage, m_captureTrouble});
    });
    connect(&m_feed, &Feed::interrupted, this, &FeedSource::handleInterrupted);
    connect(&m_feed, &Feed::resumed, this, &FeedSource::handleResumed);
    connect(&m_upkeep, &QTimer::timeout, this, &FeedSource::upkeep);
}

FeedSource::~FeedSource() = default;

OptionErrors FeedSource::validate()
{
    if (isReplay())
        m_options.backfill = false;
    return m_options.validate();
}

Timestamp FeedSource::now() const
{
    return m_replay ? m_replay->now() : Timestamp::now();
}

void FeedSource::upkeep()
{
    const Timestamp at = now();
    m_trades->tick(at);
    m_aggTrades->tick(at);
    catchUpQuiet(at);
    timePassed(at);
    flush();
    if (m_capture)
        watchCapture(at);
}

void FeedSource::prepareContinuity()
{
    if (m_trades)
        return;
    const auto addGap = [this](int, const Gap &gap, const QByteArray &reason) { m_out.add(gap, reason); };
    Continuity<Trade>::Handlers trades;
    trades.gap = addGap;
    trades.record = [this](int id, const Trade &trade) {
        stream(id).lastTradeAt = trade.ts_event;
        if (!trade.price.isNull())
            m_out.add(trade);
    };
    Continuity<AggTrade>::Handlers aggTrades;
    aggTrades.gap = addGap;
    aggTrades.record = [this](int id, const AggTrade &trade) {
        stream(id).lastTradeAt = trade.ts_event;
        m_out.add(trade);
    };
    if (m_options.backfill) {
        trades.fetch = [this](int id, qint64 first, qint64 last, const Continuity<Trade>::Answer &answer) {
            fetchTrades(id, first, last, [this, answer](const auto &page) {
                answer(page);
                flush();
            });
        };
        aggTrades.fetch = [this](int id, qint64 first, qint64 last,
                                 const Continuity<AggTrade>::Answer &answer) {
            fetchAggTrades(id, first, last, [this, answer](const auto &page) {
                answer(page);
                flush();
            });
        };
        m_feed.setProber([this](int id, const auto &answer) { probe(id, answer); });
    }
    m_trades.emplace(m_options.continuitySettings(), std::move(trades));
    m_aggTrades.emplace(m_options.continuitySettings(), std::move(aggTrades));
    m_out.countGaps(context().metrics);
    m_trades->setMetrics(context().metrics);
    m_aggTrades->setMetrics(context().metrics);
    m_unknown =
        counter("tidemill_unknown_messages_total", "Messages of a kind that the source does not know.");
}

void FeedSource::fetchTrades(int, qint64, qint64, Continuity<Trade>::Answer answer)
{
    answerNothing<Trade>(this, answer);
}

void FeedSource::fetchAggTrades(int, qint64, qint64, Continuity<AggTrade>::Answer answer)
{
    answerNothing<AggTrade>(this, answer);
}

QByteArray FeedSource::positionKey(const Stream &stream) const
{
    return stream.symbol.name().toByteArray() + ' ' + stream.name.name().toByteArray();
}

int FeedSource::addStream(Symbol symbol, Symbol name, const QByteArray &feedName, Numbers numbers)
{
    prepareContinuity();
    const int id = streamCount();
    Stream &added = m_streams.emplace_back();
    added.symbol = symbol;
    added.name = name;
    added.feedName = feedName;
    added.numbers = numbers;
    added.health = {symbol.name().toByteArray(), name.name().toByteArray(),
                    std::make_shared<std::atomic<qint64>>(0)};
    openNumbers(id);
    return id;
}

// A position is that of the continuity behind the time of its last trade, which some histories need.
void FeedSource::openNumbers(int id)
{
    Stream &opened = stream(id);
    const ContinuityStream names{m_exchange, opened.symbol, opened.name};
    // Of a stream that comes back, what this run has got to counts, not what the last one had. A replay
    // begins at its begin, and leaves the positions of what is live alone.
    const QByteArray key = positionKey(opened);
    QByteArray saved = m_left.take(key);
    if (saved.isEmpty() && !isReplay())
        saved = savedPosition(key);
    const qsizetype blank = saved.indexOf(' ');
    const QByteArrayView position = QByteArrayView(saved).sliced(blank + 1);
    bool isResumed = false;
    if (opened.numbers == Numbers::Trades) {
        m_trades->open(id, names);
        isResumed = blank > 0 && m_trades->resume(id, position);
    } else if (opened.numbers == Numbers::AggTrades) {
        m_aggTrades->open(id, names);
        isResumed = blank > 0 && m_aggTrades->resume(id, position);
    }
    if (isResumed)
        opened.lastTradeAt = {saved.first(blank).toLongLong()};
}

void FeedSource::removeStream(int id)
{
    Stream &removed = stream(id);
    m_out.flush();
    tellPositions();
    removed.wanted = false;
    // What they held goes out, so it is this position that another start of the stream goes on from.
    const QByteArray position = removed.numbers == Numbers::Trades      ? m_trades->close(id)
                                : removed.numbers == Numbers::AggTrades ? m_aggTrades->close(id)
                                                                        : QByteArray();
    m_out.flush();
    if (position.isEmpty())
        return;
    const QByteArray key = positionKey(removed);
    m_left[key] = QByteArray::number(removed.lastTradeAt.ns) + ' ' + position;
    if (!isReplay())
        reached(key, m_left[key]);
}

void FeedSource::applyStreams()
{
    QList<FeedStream> wanted;
    QList<Source::Stream> health;
    for (int id = 0; id < streamCount(); ++id) {
        if (!stream(id).wanted)
            continue;
        wanted.append({id, stream(id).feedName});
        if (stream(id).numbers != Numbers::Pulse)
            health.append(stream(id).health);
    }
    emit streamsChanged(health);
    if (m_replay)
        m_replay->setStreams(wanted);
    else if (m_isOpen)
        m_feed.setStreams(wanted);
}

Result<> FeedSource::openFeed(const FeedPlan &plan, const RestSettings &rest)
{
    prepareContinuity();
    if (isReplay())
        return openReplay();
    if (const auto capturing = openCapture(plan.connection.url); !capturing)
        return capturing.error();
    if (const auto configured = m_rest.configure(rest); !configured)
        return configured.error();
    if (const auto opened = m_feed.open(plan, {}); !opened)
        return opened.error();
    m_isOpen = true;
    applyStreams();
    m_upkeep.start(upkeepInterval);
    return {};
}

void FeedSource::stop()
{
    m_upkeep.stop();
    m_rest.cancel(this);
    if (m_replay)
        m_replay->stop();
    if (m_trades) {
        m_trades->stop();
        m_aggTrades->stop();
        flush();
        tellPositions();
    }
    // What comes until the goodbye is over goes nowhere, so it is no part of what is to be replayed.
    if (m_capture)
        m_capture->end(now());
    if (std::exchange(m_isOpen, false))
        m_feed.close();
}

void FeedSource::setPaused(bool paused)
{
    if (m_replay)
        m_replay->setPaused(paused);
    else if (paused)
        m_feed.pause();
    else
        m_feed.resume();
}

bool FeedSource::heard(FeedLink &link, int id, Timestamp happened, Timestamp received)
{
    link.heard(id, received);
    Stream &from = stream(id);
    // The age of data is that of its coming here, also when it was recorded long ago.
    from.health.lastDataNs->store(isReplay() ? Timestamp::now().ns : received.ns, std::memory_order_relaxed);
    if (from.numbers == Numbers::None) {
        if (!link.isLeader()) {
            from.newestDropped = std::max(from.newestDropped, happened);
            drop("redundant", 1);
            return false;
        }
        const qint64 former = std::exchange(from.leader, link.number());
        const bool isMissed =
            former != 0 && former != from.leader && !from.isBook && from.newestDropped > from.newestTaken;
        if (std::exchange(from.interrupted, false))
            addGap(id, from.hasHole ? GapCause::Dropped : GapCause::Disconnect, happened, received,
                   from.hasHole ? "a part of the recording is missing" : "not connected");
        else if (isMissed)
            addGap(id, GapCause::Disconnect, happened, received,
                   "the connection that led ended without what another had brought");
        from.newestTaken = std::max(from.newestTaken, happened);
    }
    from.lastReceived = received;
    return from.wanted;
}

void FeedSource::addBook(int id, const OrderBook &book, qint64 depth, Timestamp happened, Timestamp received)
{
    const std::vector<Level> bids(book.bids().rbegin(), book.bids().rend());
    const std::vector<Level> asks(book.asks().rbegin(), book.asks().rend());
    Stream &of = stream(id);
    of.isBook = true;
    m_out.add(BookSnapshot{.exchange = m_exchange,
                           .symbol = of.symbol,
                           .ts_event = happened,
                           .ts_recv = received,
                           .last_update_id = of.bookNumbers.snapshot(received),
                           .depth = depth > 0 ? depth : qint64(std::max(bids.size(), asks.size()))},
              bids, asks);
}

void FeedSource::addBookChange(int id, std::span<const Level> bids, std::span<const Level> asks,
                               Timestamp happened, Timestamp received)
{
    Stream &of = stream(id);
    const qint64 number = of.bookNumbers.change();
    m_out.add(BookUpdate{.exchange = m_exchange,
                         .symbol = of.symbol,
                         .ts_event = happened,
                         .ts_recv = received,
                         .first_update_id = number,
                         .last_update_id = number},
              bids, asks);
}

void FeedSource::addGap(int id, GapCause cause, Timestamp happened, Timestamp received, QByteArrayView reason)
{
    Stream &of = stream(id);
    m_out.add(Gap{.exchange = m_exchange,
                  .symbol = of.symbol,
                  .stream = of.name,
                  .ts_event = happened,
                  .ts_recv = received,
                  .ts_from = of.gapStarts.next(of.lastReceived),
                  .ts_to = received,
                  .first_missing = 0,
                  .last_missing = 0,
                  .reason = {},
                  .cause = cause},
              reason);
}

void FeedSource::expectTrade(int id, qint64 tradeId)
{
    Stream &of = stream(id);
    const qint64 complete = m_trades->completeTo(id);
    if (complete < 0 || complete >= tradeId || of.expectedTrade >= tradeId)
        return;
    of.expectedTrade = tradeId;
    m_trades->catchUp(id);
}

template<typename R>
void FeedSource::tellFrom(std::optional<Continuity<R>> &continuity)
{
    continuity->eachMoved([this](int id, const QByteArray &position) {
        reached(positionKey(stream(id)), QByteArray::number(stream(id).lastTradeAt.ns) + ' ' + position);
    });
}

void FeedSource::flush()
{
    m_out.flush();
    if (const qsizetype repeats = m_trades->takeRepeats() + m_aggTrades->takeRepeats(); repeats > 0)
        drop("repeat", repeats);
    if (!m_sinceReached.isValid() || m_sinceReached.hasExpired(upkeepInterval.count()))
        tellPositions();
}

void FeedSource::tellPositions()
{
    m_sinceReached.start();
    if (isReplay())
        return;
    tellFrom(m_trades);
    tellFrom(m_aggTrades);
}

void FeedSource::rejectFrame(const Error &error, QByteArrayView frame)
{
    reject("bad_frame", error.message + QLatin1String(": ") +
                            QString::fromUtf8(frame.first(std::min<qsizetype>(frame.size(), 200))));
}

void FeedSource::probe(int id, std::function<void(Feed::Verdict)> answer)
{
    const auto tell = [answer = std::move(answer)](Missed missed) {
        answer(missed == Missed::Yes  ? Feed::Verdict::Missed
               : missed == Missed::No ? Feed::Verdict::Quiet
                                      : Feed::Verdict::Unknown);
    };
    catchUp(id, tell);
    flush();
}

void FeedSource::catchUp(int id, const std::function<void(Missed)> &done)
{
    if (stream(id).numbers == Numbers::Trades)
        m_trades->catchUp(id, done);
    else if (stream(id).numbers == Numbers::AggTrades)
        m_aggTrades->catchUp(id, done);
    else
        done(Missed::Unknown);
}

QList<QByteArray> FeedSource::feedNames(const QList<int> &streams) const
{
    QList<QByteArray> names;
    for (const int id : streams)
        names.append(m_streams[std::size_t(id)].feedName);
    return names;
}

void FeedSource::handleInterrupted(const QList<int> &streams)
{
    if (m_capture)
        m_capture->interrupted(feedNames(streams), now());
    for (const int id : streams) {
        Stream &lost = stream(id);
        lost.interrupted = !lost.lastReceived.isNull();
        lost.hasHole = m_hasHole;
        if (lost.numbers == Numbers::Trades)
            m_trades->interrupted(id);
        else if (lost.numbers == Numbers::AggTrades)
            m_aggTrades->interrupted(id);
        streamInterrupted(id);
    }
    flush();
}

void FeedSource::handleResumed(const QList<int> &streams)
{
    const Timestamp resumedAt = now();
    if (m_capture)
        m_capture->resumed(feedNames(streams), resumedAt);
    for (const int id : streams) {
        stream(id).resumedAt = resumedAt;
        streamResumed(id);
    }
    flush();
}

void FeedSource::catchUpQuiet(Timestamp now)
{
    for (int id = 0; id < streamCount(); ++id) {
        Stream &resumed = stream(id);
        if (resumed.resumedAt.isNull() || now - resumed.resumedAt < quietAfterResume)
            continue;
        const bool isQuiet = resumed.lastReceived < resumed.resumedAt;
        resumed.resumedAt = {};
        if (isQuiet && resumed.wanted)
            catchUp(id, [](Missed) {});
    }
}

} // namespace tidemill::net
