// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/redis/client.h>

#include <QList>
#include <QSet>

namespace tidemill::app {

// What `tidemill tail` was asked for.
struct TailOrder
{
    redis::Settings settings;
    QByteArray stream;     // empty: a list of all
    QByteArray pattern;    // that names in the list match
    QByteArray from = "$"; // entries behind this id; $: behind the newest at the start
    qint64 count = 0;      // of entries, then it ends; 0: it does not
    bool asJson = false;
    bool withRaw = false;
};

// Lists the streams of a Redis, or follows one. What there is to print comes in whole lines. Any loss of the
// connection is its end: a person is watching.
class TailStreams : public QObject
{
    Q_OBJECT

public:
    explicit TailStreams(const TailOrder &order);

    void start() { m_client.open(); }

Q_SIGNALS:
    void line(const QByteArray &text);
    // Once. No error: all that was asked for has been printed.
    void ended(const QString &error);

private:
    struct Listed
    {
        QByteArray name;
        qint64 length = 0;
        QByteArray lastId;
    };

    void scan(int slot, const QByteArray &cursor);
    void look(const QByteArray &name);
    void finishOne();
    void printList();
    void findEnd();
    void read();
    void printEntry(const redis::Reply &entry);
    bool isGood(const redis::Reply &reply);
    void end(const QString &error);

    TailOrder m_order;
    QList<Listed> m_listed;
    QSet<QByteArray> m_seen;
    QByteArray m_last;
    qint64 m_printed = 0;
    int m_due = 0;
    bool m_hasEnded = false;
    redis::Client m_client;
};

} // namespace tidemill::app
