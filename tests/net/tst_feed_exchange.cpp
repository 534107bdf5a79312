// SPDX-License-Identifier: Apache-2.0
#include "exchange/fake_exchange.h"

#include <tidemill/net/feed.h>

#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSet>
#include <QSignalSpy>
#include <QTest>
#include <QTimer>

#include <memory>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

// Subscribes as Binance wants it, and notes which trades have come.
class TradeSession final : public FeedSession
{
public:
    TradeSession(FeedLink &link, QList<QSet<qint64>> &trades) : m_link(link), m_trades(trades) {}

    void subscribe(const QList<FeedStream> &streams) override
    {
        for (const FeedStream &stream : streams)
            m_ids.insert(QString::fromUtf8(stream.name), stream.id);
        ask("SUBSCRIBE", streams);
    }
    void unsubscribe(const QList<FeedStream> &streams) override { ask("UNSUBSCRIBE", streams); }

    void receive(const Frames &frames) override
    {
        for (const Frame &frame : frames) {
            const QJsonObject message = QJsonDocument::fromJson(frame.payload.toByteArray()).object();
            const QJsonObject data = message.value("data").toObject();
            if (message.contains("result")) {
                m_link.confirm(m_pending.take(message.value("id").toInteger()));
            } else if (data.value("e") == "serverShutdown") {
                m_link.rotate("the exchange announced that it will shut this server down");
            } else if (data.value("e") == "trade") {
                const int id = m_ids.value(message.value("stream").toString());
                m_link.heard(id, frames.received());
                m_trades[id].insert(data.value("t").toInteger());
            }
        }
    }

private:
    void ask(const char *method, const QList<FeedStream> &streams)
    {
        QJsonArray params;
        QList<int> ids;
        for (const FeedStream &stream : streams) {
            params.append(QString::fromUtf8(stream.name));
            ids.append(stream.id);
        }
        m_pending.insert(++m_lastRequest, ids);
        m_link.send(QJsonDocument(QJsonObject{{"method", method}, {"params", params}, {"id", m_lastRequest}})
                        .toJson(QJsonDocument::Compact));
    }

    FeedLink &m_link;
    QList<QSet<qint64>> &m_trades;
    QHash<QString, int> m_ids;
    QHash<qint64, QList<int>> m_pending;
    qint64 m_lastRequest = 0;
};

// A feed against an exchange with rules and faults of its own.
class tst_FeedExchange : public QObject
{
    Q_OBJECT

private:
    void inject(const QString &fault)
    {
        QString error;
        QVERIFY2(m_exchange->inject(fault, &error), qPrintable(error));
    }

    void goLive()
    {
        QVERIFY(m_feed->open(m_plan, {{0, "btcusdt@trade"}, {1, "ethusdt@trade"}}));
        QTRY_VERIFY(m_feed->isLive());
        QTRY_VERIFY(m_trades[0].size() > 5 && m_trades[1].size() > 5);
    }

    static QString lastWord(const QSignalSpy &spy) { return spy.last().first().value<FeedTrouble>().what; }

private slots:
    void init()
    {
        m_exchange = std::make_unique<exchange::FakeExchange>();
        QString error;
        QVERIFY2(m_exchange->start(&error), qPrintable(error));
        m_trades = QList<QSet<qint64>>(2);
        m_nextTrade = 1;
        connect(&m_market, &QTimer::timeout, this, [this] {
            const QByteArray id = QByteArray::number(m_nextTrade++);
            m_exchange->publish("btcusdt@trade", R"({"e":"trade","s":"BTCUSDT","t":)" + id + '}');
            m_exchange->publish("ethusdt@trade", R"({"e":"trade","s":"ETHUSDT","t":)" + id + '}');
        });
        m_market.start(10);
        m_plan = {};
        m_plan.connection.url = m_exchange->wsUrl().resolved(QUrl("/stream"));
        m_plan.connection.backoff = {20ms, 100ms, 2};
        m_plan.connection.connectLimit = {};
        m_plan.silenceFloor = 100ms;
        m_plan.silenceCeiling = 500ms;
        m_plan.probeTimeout = 200ms;
        m_plan.lifetime = 0ms;
        m_feed = std::make_unique<Feed>(
            [this](FeedLink &link) { return std::make_unique<TradeSession>(link, m_trades); });
    }

    void cleanup()
    {
        m_market.stop();
        m_market.disconnect();
        m_feed.reset();
        QCOMPARE(m_exchange->server().violations(), QStringList());
        m_exchange.reset();
    }

    void comesBackAfterEachKindOfEnd_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::addColumn<QString>("says");

        QTest::newRow("normal") << "close:1000"
                                << "1000";
        QTest::newRow("going away") << "close:1001"
                                    << "1001";
        QTest::newRow("restart") << "close:1012"
                                 << "1012";
        QTest::newRow("reset") << "abort"
                               << "";
        QTest::newRow("away") << "refuse:300ms"
                              << "";
    }

    void comesBackAfterEachKindOfEnd()
    {
        QFETCH(QString, fault);
        QFETCH(QString, says);
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy recovered(m_feed.get(), &Feed::recovered);
        QSignalSpy interrupted(m_feed.get(), &Feed::interrupted);
        goLive();

        inject(fault);

        QTRY_VERIFY(!troubled.isEmpty());
        const QString first = troubled.first().first().value<FeedTrouble>().what;
        QVERIFY2(first.contains(says), qPrintable(first));
        QTRY_COMPARE(recovered.size(), 1);
        QCOMPARE(interrupted.size(), 1);
        const auto before = m_trades[0].size();
        QTRY_VERIFY(m_trades[0].size() > before + 5);
    }

    void honoursRetryAfter()
    {
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        goLive();
        inject("status:429:1:5s");
        inject("abort");
        QTRY_VERIFY(troubled.size() >= 2);
        QVERIFY2(lastWord(troubled).contains("429"), qPrintable(lastWord(troubled)));
        const int delay = lastWord(troubled).section("trying again in ", 1).section(' ', 0, 0).toInt();
        QVERIFY2(delay >= 1000, qPrintable(lastWord(troubled)));
    }

    // It answers pings and sends nothing.
    void aMuteExchangeIsLeftOnce()
    {
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy recovered(m_feed.get(), &Feed::recovered);
        goLive();

        inject("silence:60s"); // for those connected now

        QTRY_COMPARE(troubled.size(), 1);
        QVERIFY2(lastWord(troubled).contains("although the peer answers a ping"),
                 qPrintable(lastWord(troubled)));
        QCOMPARE(m_feed->figures().silences, quint64(1));
        QTRY_COMPARE(recovered.size(), 1);
    }

    void aDeadExchangeIsLeft()
    {
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        goLive();

        inject("nopong:60s");
        inject("silence:60s");

        QTRY_COMPARE(troubled.size(), 1);
        QVERIFY2(lastWord(troubled).contains("no answer to a ping in 200 ms"),
                 qPrintable(lastWord(troubled)));
    }

    // Who sends data is there, whatever becomes of the ping.
    void dataIsASignOfLifeToo()
    {
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QVERIFY(m_feed->open(m_plan, {{0, "btcusdt@trade"}, {1, "xrpusdt@trade"}})); // the second never comes
        QTRY_VERIFY(m_feed->isLive());
        inject("nopong:60s");

        QVERIFY(!troubled.wait(1500));
    }

    void anAnnouncedShutdownLosesNothing()
    {
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy interrupted(m_feed.get(), &Feed::interrupted);
        goLive();
        const qint64 from = *m_trades[0].constBegin();

        inject("serverShutdown:3s");

        QTRY_COMPARE(m_feed->figures().rotations, quint64(1));
        const qint64 until = m_nextTrade + 20;
        QTRY_VERIFY(m_trades[0].contains(until) && m_trades[1].contains(until));
        for (QSet<qint64> &trades : m_trades) {
            for (qint64 id = from; id <= until; ++id)
                QVERIFY2(trades.contains(id), qPrintable(QString::number(id)));
        }
        QVERIFY(troubled.isEmpty());
        QVERIFY(interrupted.isEmpty());
    }

    void rotationLosesNothing()
    {
        m_plan.lifetime = 500ms;
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        goLive();
        const qint64 from = *m_trades[0].constBegin();

        QTRY_VERIFY(m_feed->figures().rotations >= 3);

        const qint64 until = m_nextTrade + 20;
        QTRY_VERIFY(m_trades[0].contains(until) && m_trades[1].contains(until));
        for (qint64 id = from; id <= until; ++id)
            QVERIFY2(m_trades[0].contains(id), qPrintable(QString::number(id)));
        QVERIFY(troubled.isEmpty());
    }

private:
    std::unique_ptr<exchange::FakeExchange> m_exchange;
    QTimer m_market;
    qint64 m_nextTrade = 1;
    QList<QSet<qint64>> m_trades;
    FeedPlan m_plan;
    std::unique_ptr<Feed> m_feed;
};

QTEST_GUILESS_MAIN(tst_FeedExchange)

#include "tst_feed_exchange.moc"
