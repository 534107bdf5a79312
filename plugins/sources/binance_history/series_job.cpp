// SPDX-License-Identifier: Apache-2.0
#include "series_job.h"

#include "archive_fetcher.h"

namespace tidemill::binance_history {

namespace {

// How often what happens is asked for, at the end of a series.
constexpr std::chrono::nanoseconds pollPause = std::chrono::seconds(5);

} // namespace

QByteArray Range::beginText() const
{
    return fromId >= 0 ? "id:" + QByteArray::number(fromId) : from.toString();
}

SeriesJob::SeriesJob(const Series &series, const Range &range, RestHistory &rest, ArchiveFetcher *archive,
                     QObject *parent)
    : QObject(parent)
    , m_series(series)
    , m_range(range)
    , m_rest(rest)
    , m_archive(archive)
{
    m_wake.setSingleShot(true);
    m_wake.setTimerType(Qt::PreciseTimer); // not early, which would be one question more
    connect(&m_wake, &QTimer::timeout, this, &SeriesJob::step);
}

SeriesJob::~SeriesJob()
{
    m_rest.cancel();
    m_reader.reset();
    if (m_archive)
        m_archive->release();
}

void SeriesJob::start(const std::optional<Position> &saved)
{
    if (saved) {
        m_at = *saved;
    } else {
        m_at.time = m_range.from;
        m_firstId = m_range.fromId;
    }
    later();
}

void SeriesJob::setPaused(bool paused)
{
    m_isPaused = paused;
    if (!paused)
        later();
}

// Not at once, so that the event loop has its turn between two pieces of a file.
void SeriesJob::later()
{
    if (!m_isBusy && !m_isFinished && !m_wake.isActive())
        m_wake.start(std::chrono::milliseconds(0));
}

void SeriesJob::step()
{
    if (m_isPaused || m_isBusy || m_isFinished)
        return;
    if (m_reader && !m_until)
        return readArchive();
    if (isComplete())
        return finish();
    if (const auto file = wantedArchive())
        return fetchArchive(*file);
    if (m_serverTime.isNull())
        return askServerTime();
    if (m_series.kind == Kind::Trades && m_at.next < 0 && m_firstId < 0)
        return askFirstId();
    askPage();
}

// Known without asking. The last bulk file may lack its last trades, which only REST can tell; who brings
// files along in a folder may have no network at all, so these are believed.
bool SeriesJob::isComplete() const
{
    if (m_until || m_range.to.isNull())
        return false;
    if (m_series.kind == Kind::Candles && m_at.next >= m_range.to.ns)
        return true;
    return m_at.time >= m_range.to && (m_at.next < 0 || (m_archive && m_archive->isLocal()));
}

template<typename T>
bool SeriesJob::accept(const Result<T> &answer)
{
    m_isBusy = false;
    if (!answer)
        finish(Error{answer.error().kind, QStringLiteral("%1: %2").arg(QString::fromUtf8(m_series.name()),
                                                                       answer.error().message)});
    return answer.has_value();
}

void SeriesJob::finish(const std::optional<Error> &failure)
{
    m_isFinished = true;
    m_wake.stop();
    emit finished(failure);
}

// --- REST

void SeriesJob::askServerTime()
{
    m_isBusy = true;
    m_rest.serverTime([this](const Result<Timestamp> &answer) {
        if (!accept(answer))
            return;
        m_serverTime = *answer;
        m_sinceServerTime.start();
        step();
    });
}

// Never ahead of the exchange's clock, as an answer takes its time.
Timestamp SeriesJob::exchangeNow() const
{
    return m_serverTime + std::chrono::nanoseconds(m_sinceServerTime.nsecsElapsed());
}

void SeriesJob::askFirstId()
{
    m_isBusy = true;
    m_askedAt = exchangeNow();
    m_rest.firstTradeId(m_series.symbol, m_at.time, [this](const Result<qint64> &answer) {
        if (!accept(answer))
            return;
        m_firstId = *answer;
        if (m_firstId < 0)
            return reachNow({}); // nobody has traded since
        step();
    });
}

void SeriesJob::askPage()
{
    m_isBusy = true;
    m_askedAt = exchangeNow();
    const qint64 next = m_at.next >= 0 ? m_at.next : m_firstId;
    m_rest.page(m_series, next, m_at.time, [this](const Result<Rows> &answer) {
        if (accept(answer))
            takePage(*answer);
    });
}

void SeriesJob::takePage(Rows rows)
{
    std::size_t used = 0;
    const Position before = m_at;
    const Stop stop = take(rows, Origin::Rest, used);
    if (m_at != before && m_at.next >= 0)
        emit moved(m_at);
    if (stop == Stop::AtEnd)
        return m_range.to.isNull() ? reachNow(timeOf(rows[used])) : finish();
    if (m_until) {
        // Less than a page does not mean that there is no more; nothing at all does.
        if (stop == Stop::AtHeld || rows.empty()) {
            m_until.reset();
            m_isHoleKnown = true;
        }
        return later();
    }
    const bool isShort = qsizetype(rows.size()) < RestHistory::pageSize;
    const bool isUpToNow = isShort && (rows.empty() || timeOf(rows.back()) >= m_serverTime);
    if (rows.empty() || isUpToNow)
        return reachNow({});
    later();
}

// All that there is has come. Who joins the history with a live source needs what happens until that has got
// going as well, so it goes on for a while. `running`: a candle that is not over opened then.
void SeriesJob::reachNow(Timestamp running)
{
    if (!m_range.to.isNull() || m_range.overlap.count() <= 0)
        return finish();
    if (m_range.until.isNull()) {
        m_range.until = exchangeNow() + m_range.overlap;
        emit caughtUp(m_range.until);
    }
    if (m_askedAt >= end() || running > m_range.until)
        return finish();
    if (m_givesWay) {
        m_isFinished = true;
        emit gaveWay(m_at);
        return;
    }
    // Up, so that the last question is not asked too early; the answer may have come after the end.
    const std::chrono::nanoseconds pause =
        std::clamp<std::chrono::nanoseconds>(end() - exchangeNow(), {}, pollPause);
    m_wake.start(std::chrono::ceil<std::chrono::milliseconds>(pause));
}

// A candle that is running then is waited for, if it is not longer than the overlap itself.
Timestamp SeriesJob::end() const
{
    if (m_series.kind != Kind::Candles)
        return m_range.until;
    const auto length = nextOpen(m_series.interval, {}) - Timestamp();
    return length <= m_range.overlap ? m_range.until + length : m_range.until;
}

// --- bulk files

std::optional<ArchiveFile> SeriesJob::wantedArchive() const
{
    if (!m_archive || m_until || m_at.time.isNull() || m_at.time < m_restUntil)
        return {};
    return archiveFileFor(m_series, m_at.time, m_range.to, Timestamp::now(), m_at.time >= m_noMonthUntil);
}

void SeriesJob::fetchArchive(const ArchiveFile &file)
{
    m_isBusy = true;
    m_file = file;
    m_archive->fetch(file.path,
                     [this](const Result<std::optional<QString>> &fetched) { openArchive(fetched); });
}

void SeriesJob::openArchive(const Result<std::optional<QString>> &fetched)
{
    m_isBusy = false;
    if (fetched && *fetched) {
        auto reader = ArchiveRows::open(**fetched, m_file->entry, m_series);
        if (reader) {
            m_reader = *std::move(reader);
            return later();
        }
        emit archiveRejected(QString::fromUtf8(m_file->path) + QStringLiteral(": ") + reader.error().message);
    } else if (!fetched) {
        emit archiveRejected(fetched.error().message);
    }
    leaveArchive(false);
}

void SeriesJob::readArchive()
{
    std::optional<Error> error;
    if (m_held.empty()) {
        auto rows = m_reader->next(std::size_t(RestHistory::pageSize));
        if (!rows) {
            emit archiveRejected(QString::fromUtf8(m_file->path) + QStringLiteral(": ") +
                                 rows.error().message);
            return leaveArchive(false);
        }
        if (rows->empty())
            return leaveArchive(true);
        m_held = *std::move(rows);
    }
    std::size_t used = 0;
    const Position before = m_at;
    const Stop stop = take(m_held, Origin::Archive, used);
    m_held.erase(m_held.begin(), m_held.begin() + std::ptrdiff_t(used));
    if (m_at != before && m_at.next >= 0)
        emit moved(m_at);
    if (stop == Stop::AtEnd)
        return finish();
    if (stop == Stop::AtHole)
        m_until = keyOf(m_held.front());
    later();
}

// Behind it, or, if it is not there or no good, to what REST has instead: of a month the days are tried
// first.
void SeriesJob::leaveArchive(bool complete)
{
    m_reader.reset();
    m_held.clear();
    m_archive->release();
    if (complete) {
        m_at.time = std::max(m_at.time, m_file->end);
        if (m_at.next >= 0)
            emit moved(m_at);
    } else if (m_file->monthly) {
        m_noMonthUntil = m_file->end;
    } else {
        m_restUntil = m_file->end;
    }
    later();
}

// --- both

// A candle that is not over, whatever our clock says.
bool SeriesJob::isRunning(const Row &row) const
{
    const auto *candle = std::get_if<Candle>(&row);
    return candle && candle->ts_close >= exchangeNow();
}

// Sends on what follows on, from the first row to the last or to what it stops at; `used`: how many of them
// are dealt with.
SeriesJob::Stop SeriesJob::take(Rows &rows, Origin origin, std::size_t &used)
{
    Rows out;
    Stop stop = Stop::None;
    for (used = 0; used < rows.size(); ++used) {
        const Row &row = rows[used];
        const qint64 key = keyOf(row);
        if (m_at.next < 0 && timeOf(row) < m_range.from) {
            m_firstId = m_series.kind == Kind::Candles ? -1 : key + 1;
            continue;
        }
        if (key < std::max(m_at.next, m_range.fromId))
            continue; // had, or never asked for
        if (origin == Origin::Rest && m_until && key >= *m_until) {
            stop = Stop::AtHeld;
            break;
        }
        const bool isBehindHole = m_at.next >= 0 && key > m_at.next;
        if (isBehindHole && origin == Origin::Archive && !m_isHoleKnown) {
            stop = Stop::AtHole;
            break;
        }
        if ((!m_range.to.isNull() && timeOf(row) >= m_range.to) ||
            (origin == Origin::Rest && isRunning(row))) {
            stop = Stop::AtEnd;
            break;
        }
        if (isBehindHole) {
            // The exchange itself has nothing there. Where it was closed there are no candles, and none is
            // missing.
            if (m_series.kind != Kind::Candles) {
                if (!out.empty())
                    emit rowsTaken(std::exchange(out, {}));
                emit missing(m_at.next, key - 1, m_lastRowAt.isNull() ? m_at.time : m_lastRowAt, timeOf(row));
            }
        }
        m_isHoleKnown = false;
        m_at = {keyAfter(m_series, row), std::max(m_at.time, timeOf(row))};
        m_lastRowAt = timeOf(row);
        out.push_back(row);
    }
    if (!out.empty())
        emit rowsTaken(out);
    return stop;
}

} // namespace tidemill::binance_history
