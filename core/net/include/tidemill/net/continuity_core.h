// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/metrics.h>
#include <tidemill/net/export.h>
#include <tidemill/records.h>
#include <tidemill/result.h>

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace tidemill::net {

struct ContinuitySettings
{
    // How long a hole may wait for another connection to bring what is missing, before history is asked.
    std::chrono::milliseconds reorder{0};
    // What may wait behind a hole. Beyond any of these the hole is announced as an open Gap, what waited goes
    // out, and history, when it comes, goes out late.
    std::chrono::milliseconds maxHold{60'000};
    qsizetype maxHeldRecords = 20'000;                    // of a stream
    qsizetype maxHeldBytes = qsizetype(64) * 1024 * 1024; // of all streams
    // How long the exchange's history may lag behind its streams. Where an answer ends before a hole does,
    // and the hole was noticed less than this ago, history is asked again, about once a second; only then the
    // rest is a Gap. Where it has a record behind those that are missing, it has got past them, and they are
    // one at once.
    std::chrono::milliseconds historyLag{5'000};
    // Of a longer hole (a long absence) only the newest so many are asked for; the rest is a Gap at once.
    qint64 maxBackfill = 1'000'000;
};

// What a Gap says of the stream that it is in.
struct ContinuityStream
{
    Symbol exchange;
    Symbol symbol;
    Symbol stream;
};

struct ContinuityFigures
{
    quint64 filled = 0;  // records that history had
    quint64 missing = 0; // that nobody has, or nobody gave in time
    quint64 repeats = 0; // that came more than once, or belonged to no open stream
    int openHoles = 0;   // now
};

// Was anything missed? Unknown: history could not tell.
enum class Missed { No, Yes, Unknown };

// The part of Continuity<R> that does not know R; use that one. No network, no clock.
class TIDEMILL_NET_EXPORT ContinuityCore
{
public:
    // How to read a row of R.
    struct RowType
    {
        std::size_t size;
        qint64 (*id)(const std::byte *row);
        Timestamp (*event)(const std::byte *row);
        Timestamp (*received)(const std::byte *row);
        void (*markBackfill)(std::byte *row);
    };
    struct Request
    {
        int stream = 0;
        quint64 number = 0; // for answer()
        qint64 first = 0;
        qint64 last = 0; // 0: up to now
    };
    struct Handlers
    {
        std::function<void(int stream, const std::byte *row)> record;
        std::function<void(int stream, const Gap &gap, const QByteArray &reason)> gap;
        std::function<void(const Request &request)> fetch; // none: there is no history
    };

    ContinuityCore(const RowType &type, const ContinuitySettings &settings, Handlers handlers);
    ~ContinuityCore();
    Q_DISABLE_COPY_MOVE(ContinuityCore)

    void setMetrics(Metrics *metrics) { m_metrics = metrics; }
    void open(int stream, const ContinuityStream &names);
    bool resume(int stream, QByteArrayView position);
    void interrupted(int stream);
    void catchUp(int stream, std::function<void(Missed)> done);
    QByteArray close(int stream);
    void stop();

    // The record is the next one and may go out. A few ns.
    bool passes(int stream, qint64 id, Timestamp event, Timestamp received)
    {
        if (std::size_t(stream) >= m_gates.size())
            return false;
        Gate &gate = m_gates[std::size_t(stream)];
        if (id != gate.passes)
            return false;
        gate.passes = id + 1;
        gate.lastEvent = event;
        gate.lastReceived = received;
        if (!gate.moved)
            noteMoved(stream);
        return true;
    }
    // Every other record.
    void handle(int stream, const std::byte *row);
    void answer(int stream, quint64 number, const Error *error, std::span<const std::byte> rows,
                bool complete);
    void tick(Timestamp now);
    Timestamp due() const;

    qsizetype takeRepeats() { return std::exchange(m_repeats, 0); }
    std::vector<int> takeMoved();
    QByteArray position(int stream) const;
    qint64 completeTo(int stream) const;
    bool lacks(int stream, qint64 id) const;
    ContinuityFigures figures(int stream) const;
    qsizetype heldBytes() const { return qsizetype(m_heldBytes); }

private:
    static constexpr qint64 nothing = std::numeric_limits<qint64>::min();

    // What the fast path needs of a stream, by itself so that many of them stay in the cache.
    struct Gate
    {
        qint64 passes = nothing; // the id that may go out at once
        Timestamp lastEvent;     // of what went out last
        Timestamp lastReceived;
        bool moved = false;
    };
    struct Range
    {
        qint64 first;
        qint64 last;
    };
    struct LateHole;
    struct Stream;
    struct Early;

    Stream *find(int stream) const;
    void noteMoved(int stream);
    void advance(int stream, qint64 next);
    void emitRow(int stream, const std::byte *row, bool backfill);
    void drain(int stream);
    void setBack(Timestamp now);
    void hold(int stream, qint64 id, const std::byte *row);
    void trim(int stream);
    void boundMemory(int stream);
    bool hasStartedOver(int stream, const std::byte *row) const;
    void startOver(int stream, qint64 id, const std::byte *row);
    void letGo(int stream);

    void pump(int stream);
    bool pickRange(int stream, Range &range) const;
    bool mayStillCome(int stream, Range range) const;
    void take(int stream, const Error *error, std::span<const std::byte> rows, bool complete);
    void place(int stream, qint64 id, const std::byte *row);
    void absent(int stream, Range range, const std::byte *behind, const QByteArray &reason);
    void finishCatchUp(int stream, bool known);

    Timestamp nextGapFrom(int stream);
    Gap describeGap(int stream, Range range, const std::byte *behind);
    void missing(int stream, Range range, const std::byte *behind, const QByteArray &reason);
    void makeLate(int stream, const QByteArray &reason);
    bool takeLate(int stream, qint64 id);
    void absentLate(int stream, Range range, const QByteArray &reason);
    void finishLate(int stream, const QByteArray &reason);
    std::deque<LateHole> splitLate(int stream, const LateHole &hole);
    void splitAllLate(int stream);
    void giveUpLate(int stream, std::size_t holes);

    RowType m_type;
    ContinuitySettings m_settings;
    Handlers m_handlers;
    Metrics *m_metrics = nullptr;
    std::vector<Gate> m_gates;
    std::vector<std::unique_ptr<Stream>> m_streams; // beside their gates; null: not open
    std::vector<int> m_moved;
    std::vector<std::byte> m_scratch;
    qsizetype m_repeats = 0;
    std::size_t m_heldBytes = 0;
    quint64 m_lastRequest = 0;
    Timestamp m_now; // the newest time that we have heard of
};

} // namespace tidemill::net
