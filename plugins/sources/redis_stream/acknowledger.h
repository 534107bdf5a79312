// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entry_id.h"

#include <tidemill/metrics.h>
#include <tidemill/receipt.h>
#include <tidemill/redis/client.h>

#include <QEvent>
#include <QList>
#include <QObject>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace tidemill::redis_stream {

// The entries that one batch was made of.
struct EntrySet
{
    std::map<QByteArray, std::vector<EntryId>> byStream;
    std::chrono::steady_clock::time_point touched = std::chrono::steady_clock::now(); // read, or claimed anew
};

// Tells the group that entries are dealt with: XACK, and not before the sinks have confirmed what was made of
// them. What cannot be told now is told after the next connect; what is never told comes again, to us or
// another worker.
class Acknowledger : public QObject
{
    Q_OBJECT

public:
    Acknowledger(redis::Client &client, const QByteArray &group, Counter acknowledged, QObject *parent);
    ~Acknowledger() override;

    // What a batch made of these entries is emitted with.
    DeliveryPtr receiptFor(EntrySet &&entries);
    // The connection is there, or there again.
    void flush();
    // A shutdown: from now on nothing waits for a connection.
    void finish();

    // Entries of the stream that sinks still work on or that are still to be acknowledged.
    std::set<EntryId> held(const QByteArray &stream);
    // Sets of entries that sinks work on and that were last touched before then.
    QList<std::shared_ptr<EntrySet>> untouchedSince(std::chrono::steady_clock::time_point then);

protected:
    bool event(QEvent *event) override;

private:
    struct Settled
    {
        std::shared_ptr<const EntrySet> entries;
        DeliveryPtr hosts; // the host waits as long as this lives
    };
    using SettledPtr = std::shared_ptr<const Settled>;
    // Filled in any thread; its reader is told by an event, once for each time it is empty.
    struct Mailbox
    {
        std::mutex lock;
        std::vector<SettledPtr> settled;
        QObject *reader = nullptr; // null once it is gone
    };
    struct Unsent
    {
        QByteArray stream;
        QByteArrayList ids;
        SettledPtr cause;
    };

    static QEvent::Type wakeEvent();
    void collect();
    void send(Unsent &&unsent);

    redis::Client &m_client;
    QByteArray m_group;
    Counter m_acknowledged;
    std::shared_ptr<Mailbox> m_mailbox = std::make_shared<Mailbox>();
    std::deque<Unsent> m_unsent;
    std::deque<std::weak_ptr<EntrySet>> m_inFlight;
    // Sent and not answered yet, by a number of ours.
    std::map<quint64, Unsent> m_sent;
    quint64 m_number = 0;
    bool m_isLast = false;
};

} // namespace tidemill::redis_stream
