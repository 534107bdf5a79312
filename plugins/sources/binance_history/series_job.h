// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "archive_files.h"
#include "archive_rows.h"
#include "rest_history.h"

#include <QElapsedTimer>
#include <QTimer>

#include <memory>

namespace tidemill::binance_history {

class ArchiveFetcher;

// What of a series is asked for.
struct Range
{
    qint64 fromId = -1; // -1: by time
    Timestamp from;
    Timestamp to; // not included; null: up to now
    // Without `to`: how long after it has first reached "now" it goes on with what happens.
    std::chrono::nanoseconds overlap{0};
    Timestamp until; // up to when that is; null: "now" has not been reached yet

    QByteArray beginText() const; // for Position
};

// Collects one series from its beginning to its end: bulk files where they are wanted and there, REST for the
// rest, joined by key so that nothing is missing and nothing comes twice. One page, or as many rows of a
// file, at a time.
class SeriesJob : public QObject
{
    Q_OBJECT

public:
    // `archive` may be nullptr; both outlive the job.
    SeriesJob(const Series &series, const Range &range, RestHistory &rest, ArchiveFetcher *archive,
              QObject *parent);
    ~SeriesJob() override;

    const Series &series() const { return m_series; }
    // From where the run before stood, if it did.
    void start(const std::optional<Position> &saved);
    void setPaused(bool paused);
    // Whether it ends, for now, when it has reached "now" and would go on with what happens.
    void setGivesWay(bool givesWay) { m_givesWay = givesWay; }

Q_SIGNALS:
    // In order: rows, what the exchange does not have in front of the rows that follow, where that leads to.
    void rowsTaken(const tidemill::binance_history::Rows &rows);
    void missing(qint64 first, qint64 last, tidemill::Timestamp before, tidemill::Timestamp behind);
    void moved(const tidemill::binance_history::Position &position);
    // "Now" has been reached for the first time, and Range::until is this.
    void caughtUp(tidemill::Timestamp until);

    void archiveRejected(const QString &detail);
    // Not the end, see setGivesWay(): another job goes on there.
    void gaveWay(const tidemill::binance_history::Position &at);
    // The end; an error if something is left out for good.
    void finished(const std::optional<tidemill::Error> &failure);

private:
    enum class Origin { Rest, Archive };
    enum class Stop { None, AtEnd, AtHole, AtHeld };

    void later();
    void step();
    bool isComplete() const;
    void askServerTime();
    void askFirstId();
    void askPage();
    void takePage(Rows rows);
    void reachNow(Timestamp running);
    Timestamp end() const;
    void fetchArchive(const ArchiveFile &file);
    void openArchive(const Result<std::optional<QString>> &fetched);
    void readArchive();
    void leaveArchive(bool complete);
    std::optional<ArchiveFile> wantedArchive() const;

    Stop take(Rows &rows, Origin origin, std::size_t &used);
    bool isRunning(const Row &row) const;
    Timestamp exchangeNow() const;
    // An answer came; whether it is one, otherwise the series ends here.
    template<typename T>
    bool accept(const Result<T> &answer);
    void finish(const std::optional<Error> &failure = {});

    Series m_series;
    Range m_range;
    RestHistory &m_rest;
    ArchiveFetcher *m_archive;

    Position m_at;
    qint64 m_firstId = -1;  // what to ask with while m_at.next is not known
    Timestamp m_serverTime; // when the job asked for it, which it does before its first page
    QElapsedTimer m_sinceServerTime;
    Timestamp m_askedAt;   // the exchange's time when the last page was asked for
    Timestamp m_lastRowAt; // time of the last row taken; null: none in this run

    std::optional<ArchiveFile> m_file; // the one being fetched or read
    std::unique_ptr<ArchiveRows> m_reader;
    Rows m_held;                   // of the file, behind a hole that REST is asked about
    std::optional<qint64> m_until; // their first key
    bool m_isHoleKnown = false;    // REST has nothing in front of m_held
    Timestamp m_restUntil;         // no bulk file up to there
    Timestamp m_noMonthUntil;      // none of a whole month

    bool m_isBusy = false; // waiting for an answer
    bool m_isPaused = false;
    bool m_givesWay = false;
    bool m_isFinished = false;
    QTimer m_wake{this};
};

} // namespace tidemill::binance_history
