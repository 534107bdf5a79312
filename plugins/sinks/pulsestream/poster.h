// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "account.h"
#include "answer.h"
#include "event_form.h"

#include <tidemill/metrics.h>

#include <QHash>
#include <QSet>
#include <QUrl>

#include <memory>

namespace tidemill::pulsestream {

class Lane;

struct PosterSettings
{
    QUrl url; // whom to connect to
    QByteArray target;
    QByteArray batchTarget;
    QByteArray limitTarget;
    net::HeaderList headers; // the key
    net::HttpSettings http;
    int eventsPerRequest = 100;
    int lanes = 1;
    bool packs = false;
    // How long a request without an answer may still be at work in the service once that answers again.
    std::chrono::milliseconds settle{1000};
};

struct PosterFigures
{
    Counter requests;
    Counter failures;
    Counter known;
    Histogram seconds;
};

// Brings the events of batches to the service and answers for each batch. It works until something stops it
// (the service is away, or wants no more for now); then it lets requests that are under way come to their
// end, so that none of them can meet its own repetition, and gives everything back with one stopped().
class Poster final : public QObject
{
    Q_OBJECT

public:
    enum class Guilt { Unknown, Likely, Proven };

    Poster(PosterSettings settings, EventForm &form, PosterFigures figures, QObject *parent);

    Result<> configure();
    void add(const BatchPtr &batch);
    void flush();
    // Ends all connections and forgets everything.
    void close();

    // For its lanes.
    const PosterSettings &settings() const { return m_settings; }
    EventForm &form() const { return m_form; }
    bool mayPost() const { return !m_stop && !m_isInDoubt; }
    void store(const Account::Item &item, bool wasKnown);
    void refuse(const Account::Item &item, const QString &message);
    // It comes again when the host offers it.
    void postpone(const Account::Item &item, const QString &message);
    // Another post of the same id was faster. If that has stored it the next answer says so.
    void takeRaced(const Account::Item &item, const QString &message);
    void stop(const Error &error, std::optional<std::chrono::milliseconds> wait = {});
    void stopForLimit(Lane &lane, const QString &message);
    void waitForWindow(std::chrono::milliseconds wait);
    // A request ended without an answer: before the next one, the service has to show that it is awake.
    void doubt() { m_isInDoubt = true; }
    void takeProbe(const net::HttpReply &reply);
    void concludeIfIdle();

    Packing packing() const { return m_packing; }
    void provePacking() { m_packing = Packing::Proven; }
    void stopPacking(const QString &reason);

    // Events that failed alone, over several offers of the same batch.
    bool isSuspect(const QByteArray &id) const { return m_suspects.contains(id); }
    Guilt accuse(const QByteArray &id);

    void noteRequest(const net::HttpReply &reply, std::chrono::nanoseconds time);

Q_SIGNALS:
    // Rows as in Sink::partlyDelivered(); none: all of it is stored.
    void answered(const tidemill::BatchPtr &batch, const QList<tidemill::RowFailure> &rows);
    // Of nothing that is not answered by now anything is known; `wait` if the service has said a time, else
    // -1.
    void stopped(const tidemill::Error &cause, std::chrono::milliseconds wait);

private:
    struct Stop
    {
        Error error;
        std::optional<std::chrono::milliseconds> wait;
    };
    struct Suspicion
    {
        int failures = 0;
        quint64 storedBefore = 0;
    };

    Lane &laneOf(const Batch &batch, qsizetype row);
    void forget(const QByteArray &id);
    void closeIfDone(Account::Entry &entry);

    PosterSettings m_settings;
    EventForm &m_form;
    PosterFigures m_figures;
    std::vector<Lane *> m_lanes; // children
    Account m_account;
    std::optional<Stop> m_stop;
    Packing m_packing;
    bool m_isInDoubt = false;
    quint64 m_stored = 0;
    QHash<QByteArray, Suspicion> m_suspects;
    QSet<QByteArray> m_raced;
};

} // namespace tidemill::pulsestream
