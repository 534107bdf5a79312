// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "acknowledger.h"

#include <QTimer>

#include <functional>

namespace tidemill::redis_stream {

struct ClaimSettings
{
    QByteArray group;
    QByteArray consumer;
    qsizetype count = 1000;
    std::chrono::milliseconds minIdle{60000}; // 0: nothing is claimed
    qint64 maxDeliveries = 0;                 // 0: no limit
};

// Takes over what consumers have left lying for too long, and keeps what is ours from being taken while our
// sinks are slow: entries in their hands are touched (XCLAIM ... JUSTID) long before they would look
// abandoned.
class Claimer : public QObject
{
    Q_OBJECT

public:
    struct Events
    {
        std::function<QList<QByteArray>()> streams; // to look into
        // As of StreamReader::Take.
        std::function<void(const QByteArray &stream, const redis::Reply &entries)> claimed;
        // These were pending but are no longer in the stream; Redis has forgotten them already.
        std::function<void(const QByteArray &stream, const QList<EntryId> &ids)> trimmed;
        // Given out too often and never acknowledged, or too long: to be let go of.
        std::function<void(const QByteArray &stream, EntryId id, const char *reason, const QString &detail)>
            letGo;
    };

    Claimer(redis::Client &client, Acknowledger &acknowledger, const ClaimSettings &settings, Events events,
            QObject *parent);

    void start();
    void stop();
    void setPaused(bool paused) { m_isPaused = paused; }

Q_SIGNALS:
    // Claimed entries can go out.
    void answered();
    void troubled(const tidemill::Error &cause);

private:
    void tick();
    void touch();
    void sweep(const QByteArray &stream);
    void claim(const QByteArray &stream, const QByteArray &cursor);
    void claimAlone(const QByteArray &stream, EntryId id, const QByteArray &next);
    void handleClaimed(const QByteArray &stream, bool isAlone, const redis::Reply &reply);
    void goOn(const QByteArray &stream, const QByteArray &next);
    bool isGood(const redis::Reply &reply);

    redis::Client &m_client;
    Acknowledger &m_acknowledger;
    ClaimSettings m_settings;
    Events m_events;
    QTimer m_timer{this};
    std::map<QByteArray, qsizetype> m_limits; // of streams whose answers were too long
    int m_due = 0;                            // streams that are being looked into
    bool m_isPaused = false;
};

} // namespace tidemill::redis_stream
