// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "text_exchange.h"

#include <tidemill/net/feed.h>

#include <QHash>
#include <QObject>
#include <QSignalSpy>
#include <QTest>

#include <algorithm>
#include <functional>
#include <memory>

// What the sessions of a test have seen and been told.
struct SessionLog
{
    struct Datum
    {
        QString stream;
        qint64 connection;
        bool leads;
    };

    QList<Datum> data;
    QList<qint64> leads; // numbers of connections, in the order of their lead()
    int made = 0;
    int ended = 0;
    bool endedWithinItsCall = false;
    bool sentAfterRecycle = false;
    std::function<void(tidemill::net::FeedLink &, const QString &)> onMessage; // besides

    QStringList streams() const
    {
        QStringList names;
        for (const Datum &datum : data)
            names.append(datum.stream);
        return names;
    }
};

// Speaks TextExchange's words.
class TextSession final : public tidemill::net::FeedSession
{
public:
    TextSession(tidemill::net::FeedLink &link, SessionLog &log) : m_link(link), m_log(log) { ++m_log.made; }
    ~TextSession() override
    {
        ++m_log.ended;
        m_log.endedWithinItsCall |= m_isCalled;
    }

    void subscribe(const QList<tidemill::net::FeedStream> &streams) override { send("sub", streams); }
    void unsubscribe(const QList<tidemill::net::FeedStream> &streams) override { send("unsub", streams); }
    void lead() override { m_log.leads.append(m_link.number()); }

    void receive(const tidemill::net::Frames &frames) override
    {
        m_isCalled = true;
        for (const tidemill::net::Frame &frame : frames)
            handle(QString::fromUtf8(frame.payload), frames.received());
        m_isCalled = false;
    }

private:
    void send(const QByteArray &verb, const QList<tidemill::net::FeedStream> &streams)
    {
        QByteArray text = verb;
        for (const tidemill::net::FeedStream &stream : streams) {
            m_ids.insert(stream.name, stream.id);
            text += ' ' + stream.name;
        }
        m_link.send(text);
    }

    void handle(const QString &text, tidemill::Timestamp received)
    {
        const QString verb = text.section(' ', 0, 0);
        const QString name = text.section(' ', 1);
        const int id = m_ids.value(name.toUtf8(), -1);
        if (verb == "ack") {
            m_link.confirm({id});
        } else if (verb == "no") {
            m_link.refuse(id, {tidemill::Error::Kind::Config, "no such symbol"});
        } else if (verb == "data") {
            m_link.heard(id, received);
            m_log.data.append({name, m_link.number(), m_link.isLeader()});
        } else if (verb == "alive") {
            m_link.heardPeer(received);
        } else if (verb == "rotate") {
            m_link.rotate("announced");
        } else if (verb == "recycle") {
            m_link.recycle("a hole");
            m_log.sentAfterRecycle |= m_link.send("still here?");
        }
        if (m_log.onMessage)
            m_log.onMessage(m_link, text);
    }

    tidemill::net::FeedLink &m_link;
    SessionLog &m_log;
    QHash<QByteArray, int> m_ids;
    bool m_isCalled = false;
};

// A feed and its exchange, with times for tests.
class FeedBench : public QObject
{
protected:
    using Feed = tidemill::net::Feed;
    using FeedStream = tidemill::net::FeedStream;
    using FeedTrouble = tidemill::net::FeedTrouble;

    void create()
    {
        using namespace std::chrono_literals;
        m_log = {};
        m_exchange = std::make_unique<TextExchange>();
        m_plan = {};
        m_plan.connection.url = m_exchange->url();
        m_plan.connection.backoff = {10ms, 50ms, 2};
        m_plan.connection.controlLimit = {1000, 1s};
        m_plan.connection.connectLimit = {}; // one for all tests of a process, so it must not bind
        m_plan.lifetime = 0ms;
        m_feed = std::make_unique<Feed>(
            [this](tidemill::net::FeedLink &link) { return std::make_unique<TextSession>(link, m_log); });
    }

    void destroy()
    {
        m_feed.reset();
        m_exchange.reset();
        QCOMPARE(m_log.ended, m_log.made);
        QVERIFY(!m_log.endedWithinItsCall);
    }

    // Streams by name, of which the id is the place in the alphabet.
    static QList<FeedStream> named(const QByteArray &names)
    {
        QList<FeedStream> list;
        for (const char name : names)
            list.append({name - 'a', QByteArray(1, name)});
        return list;
    }

    // s0, s1, ... with ids that say the same.
    static QList<FeedStream> numbered(int from, int count)
    {
        QList<FeedStream> list;
        for (int i = from; i < from + count; ++i)
            list.append({i, 's' + QByteArray::number(i)});
        return list;
    }

    void goLive(const QByteArray &names)
    {
        QVERIFY(m_feed->open(m_plan, named(names)));
        QTRY_VERIFY(m_feed->isLive());
    }

    static FeedTrouble troubleOf(const QSignalSpy &spy) { return spy.last().first().value<FeedTrouble>(); }
    static QList<int> sorted(QList<int> list)
    {
        std::sort(list.begin(), list.end());
        return list;
    }

    SessionLog m_log;
    std::unique_ptr<TextExchange> m_exchange;
    tidemill::net::FeedPlan m_plan;
    std::unique_ptr<Feed> m_feed;
};
