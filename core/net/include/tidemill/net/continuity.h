// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/continuity_core.h>

#include <cstring>
#include <type_traits>

namespace tidemill::net {

// The number by which records of a type are consecutive. Overload it, in the type's namespace, for one of
// your own.
inline qint64 continuityId(const Trade &trade)
{
    return trade.trade_id;
}
inline qint64 continuityId(const AggTrade &trade)
{
    return trade.agg_trade_id;
}

// A piece of an exchange's history.
template<typename R>
struct HistoryPage
{
    std::vector<R> records; // ascending; what was not asked for is ignored
    bool complete = true; // all that there is of what was asked for; false: asked again, behind the last one
};

// Makes streams of consecutively numbered records whole: everything goes out once and in order; repeats are
// dropped and counted; a hole is filled from the exchange's history while what comes behind it is held; what
// stays missing becomes a Gap.
//
//     m_trades.open(0, {exchange, symbol, stream});
//     m_trades.resume(0, savedPosition(key));          // in start(): goes on where the last run stood
//     m_trades.catchUp(0);                             // once live, after a reconnect
//     m_trades.add(0, trade);                          // for each record; calls `record` for what may go out
//     // at the end of a burst, once what came out has been emitted:
//     drop("repeat", m_trades.takeRepeats());
//     m_trades.eachMoved([&](int stream, const QByteArray &position) { reached(keys[stream], position); });
//
// Gaps. A Gap is a State: a later one with the same exchange, symbol, stream and ts_from replaces it. `open`
// says that the ids first_missing to last_missing did not go out; if they do after all, late, a Gap with the
// same key says `filled`. If only some of them do, the Gap becomes `filled` and each piece that is still
// missing gets an open one of its own. Different gaps of a stream never share a ts_from.
//
// Streams are numbered by the source, from 0, densely (they index a vector). One thread. The handlers must
// not call back into this object (but see catchUp()). A Fetch may answer at once or at any later time; as
// long as it does not, nothing more is asked for that stream. An answer that comes when this object is gone
// is ignored.
template<typename R>
class Continuity
{
    static_assert(std::is_trivially_copyable_v<R>, "rows are held as bytes, so nothing may point elsewhere");

public:
    using Page = HistoryPage<R>;
    using Answer = std::function<void(const Result<Page> &)>;

    struct Handlers
    {
        // May go out; those from history have provenance Backfill.
        std::function<void(int stream, const R &record)> record;
        // Complete except for its `reason`, which has to go into a batch's heap.
        std::function<void(int stream, const Gap &gap, const QByteArray &reason)> gap;
        // Asks the exchange's history for the ids first to last (0: up to now). One at a time for a stream.
        // An error is final, and makes all of it a Gap: retry before. None: there is no history. Asks once
        // more where history seems to lag, see ContinuitySettings.
        std::function<void(int stream, qint64 first, qint64 last, Answer answer)> fetch;
    };

    Continuity(const ContinuitySettings &settings, Handlers handlers)
        : m_handlers(std::move(handlers))
        , m_core(rowType(), settings, coreHandlers())
    {}

    // Counts in tidemill_missed_records_total{exchange,symbol,stream,state}. Before open(), as
    // setMetrics(context().metrics).
    void setMetrics(Metrics *metrics) { m_core.setMetrics(metrics); }

    // A stream whose first record defines where it starts, unless resume() follows. Opening one twice does
    // nothing.
    void open(int stream, const ContinuityStream &names) { m_core.open(stream, names); }
    // Goes on behind a position() of an earlier run; the first live record, or catchUp(), shows what has been
    // missed. False, and nothing done, if the position is empty or not one. Before the first record.
    bool resume(int stream, QByteArrayView position) { return m_core.resume(stream, position); }
    // The connection is gone: a hole before the next record is its doing.
    void interrupted(int stream) { m_core.interrupted(stream); }
    // Asks history for what has happened since the last record, and fills it in; `done` hears once whether
    // anything had been missed (records younger than 2 s do not count: they may still come live). Unknown at
    // once for a stream that has no position, or where very many wait for an answer already. Serves as a
    // Feed's prober. `done` may call interrupted() and catchUp().
    void catchUp(int stream, std::function<void(Missed)> done = {})
    {
        m_core.catchUp(stream, std::move(done));
    }
    // No longer wanted: what is held goes out, with open Gaps. May be opened again, and go on from the
    // position that this gives.
    QByteArray close(int stream) { return m_core.close(stream); }
    // The end: what is held goes out, with open Gaps; position() says what the next run has to fill.
    void stop() { m_core.stop(); }

    void add(int stream, const R &record)
    {
        if (m_core.passes(stream, continuityId(record), record.ts_event, record.ts_recv))
            m_handlers.record(stream, record);
        else
            m_core.handle(stream, reinterpret_cast<const std::byte *>(&record));
    }
    // Time goes by. At least once a second, and at due() if `reorder` is used. May be set back.
    void tick(Timestamp now) { m_core.tick(now); }
    // When tick() has something to do next; null: nothing waits.
    Timestamp due() const { return m_core.due(); }

    // Records dropped since the last call.
    qsizetype takeRepeats() { return m_core.takeRepeats(); }
    // Calls function(stream, position) for each stream that has got on since the last call.
    template<typename Function>
    void eachMoved(Function function)
    {
        for (const int stream : m_core.takeMoved())
            function(stream, m_core.position(stream));
    }
    // Text for resume(); empty: no record yet. Knows of the holes that are still to be filled.
    QByteArray position(int stream) const { return m_core.position(stream); }
    // Up to this id everything went out or is in a Gap for good; -1: no record yet.
    qint64 completeTo(int stream) const { return m_core.completeTo(stream); }
    // No record of that id has been added yet, nor come from history, and it would be no repeat.
    bool lacks(int stream, qint64 id) const { return m_core.lacks(stream, id); }
    ContinuityFigures figures(int stream) const { return m_core.figures(stream); }
    qsizetype heldBytes() const { return m_core.heldBytes(); }

private:
    static R copy(const std::byte *bytes)
    {
        R record;
        std::memcpy(static_cast<void *>(&record), bytes, sizeof record);
        return record;
    }

    static ContinuityCore::RowType rowType()
    {
        return {.size = sizeof(R),
                .id = [](const std::byte *bytes) { return continuityId(copy(bytes)); },
                .event = [](const std::byte *bytes) { return copy(bytes).ts_event; },
                .received = [](const std::byte *bytes) { return copy(bytes).ts_recv; },
                .markBackfill =
                    [](std::byte *bytes) {
                        R record = copy(bytes);
                        record.provenance = Provenance::Backfill;
                        std::memcpy(bytes, &record, sizeof record);
                    }};
    }

    ContinuityCore::Handlers coreHandlers()
    {
        ContinuityCore::Handlers handlers;
        handlers.record = [this](int stream, const std::byte *bytes) {
            m_handlers.record(stream, copy(bytes));
        };
        handlers.gap = [this](int stream, const Gap &gap, const QByteArray &reason) {
            m_handlers.gap(stream, gap, reason);
        };
        if (m_handlers.fetch)
            handlers.fetch = [this](const ContinuityCore::Request &request) { fetch(request); };
        return handlers;
    }

    void fetch(const ContinuityCore::Request &request)
    {
        m_handlers.fetch(request.stream, request.first, request.last,
                         [alive = std::weak_ptr(m_alive), stream = request.stream,
                          number = request.number](const Result<Page> &page) {
                             const std::shared_ptr<ContinuityCore *> core = alive.lock();
                             if (!core)
                                 return;
                             if (!page)
                                 return (*core)->answer(stream, number, &page.error(), {}, true);
                             (*core)->answer(stream, number, nullptr, std::as_bytes(std::span(page->records)),
                                             page->complete);
                         });
    }

    Handlers m_handlers;
    ContinuityCore m_core;
    std::shared_ptr<ContinuityCore *> m_alive = std::make_shared<ContinuityCore *>(&m_core);
};

} // namespace tidemill::net
