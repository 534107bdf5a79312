// SPDX-License-Identifier: Apache-2.0
#include "exchange_test.h"

#include <memory>

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;

// The public REST of Coinbase Exchange.
class tst_ExchangeCoinbaseRest : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_settings = {};
        m_settings.protocol = ProtocolName::CoinbaseExchange;
        m_settings.limits.requestsPerSecond = 1000;
        m_settings.limits.requestBurst = 1000;
    }

    void tradesArePagedByCursors()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        QList<qint64> ids;
        QByteArray after;
        do {
            const QNetworkReply *reply = fetch(
                exchange,
                QStringLiteral("/products/BTC-USD/trades?limit=100") +
                    (after.isEmpty() ? QString() : QStringLiteral("&after=") + QString::fromLatin1(after)));
            const QJsonArray page = QJsonDocument::fromJson(m_body).array();
            QCOMPARE(reply->rawHeader("cb-before").toLongLong(), page.first()[u"trade_id"].toInteger());
            after = reply->rawHeader("cb-after");
            for (const QJsonValue &row : page)
                ids.append(row[u"trade_id"].toInteger());
        } while (!after.isEmpty());

        QVERIFY(ids.size() > 300);
        for (qsizetype index = 1; index < ids.size(); ++index)
            QCOMPARE(ids[index], ids[index - 1] - 1);
        fetch(exchange, QStringLiteral("/products/BTC-USD/trades?before=%1").arg(ids[5]));
        QVERIFY(QJsonDocument::fromJson(m_body).array().size() >= 5);
        QVERIFY(QJsonDocument::fromJson(m_body).array().last()[u"trade_id"].toInteger() > ids[5]);
    }

    void candlesAreNewestFirstWithHoles()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        const qint64 end = exchange.data()->nowUs() / 1000000;

        fetch(exchange, QStringLiteral("/products/BTC-USD/candles?granularity=60&start=%1&end=%2")
                            .arg(end - 299 * 60)
                            .arg(end));

        const QJsonArray rows = QJsonDocument::fromJson(m_body).array();
        QVERIFY(rows.size() > 100 && rows.size() < 299);
        bool hole = false;
        for (qsizetype index = 1; index < rows.size(); ++index) {
            const qint64 step = rows[index - 1][0].toInteger() - rows[index][0].toInteger();
            QVERIFY(step >= 60);
            hole = hole || step > 60;
        }
        QVERIFY(hole);
        for (const QJsonValue &row : rows) {
            const double low = row[1].toDouble();
            const double high = row[2].toDouble();
            QVERIFY(low <= row[3].toDouble() && row[3].toDouble() <= high && low <= row[4].toDouble() &&
                    row[4].toDouble() <= high);
        }
    }

    void restErrors_data()
    {
        QTest::addColumn<QString>("target");
        QTest::addColumn<int>("status");

        QTest::newRow("more than 300 candles")
            << "/products/BTC-USD/candles?granularity=60&start=1700000000&end=1700018061" << 400;
        QTest::newRow("granularity") << "/products/BTC-USD/candles?granularity=120" << 400;
        QTest::newRow("unknown product") << "/products/FOO-USD/trades" << 404;
        QTest::newRow("limit") << "/products/BTC-USD/trades?limit=1001" << 400;
        QTest::newRow("fine") << "/products/BTC-USD/candles" << 200;
    }

    void restErrors()
    {
        QFETCH(QString, target);
        FakeExchange exchange(m_settings);
        start(exchange);

        QTEST(get(exchange, target).status, "status");
    }

    void restHasATokenBucket()
    {
        m_settings.limits.requestsPerSecond = 1;
        m_settings.limits.requestBurst = 2;
        FakeExchange exchange(m_settings);
        start(exchange);

        QCOMPARE(get(exchange, QStringLiteral("/time")).status, 200);
        QCOMPARE(get(exchange, QStringLiteral("/time")).status, 200);
        QCOMPARE(get(exchange, QStringLiteral("/products")).status, 429);
    }

private:
    static void start(FakeExchange &exchange)
    {
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        exchange.generate({.symbols = {"BTC-USD"}, .warmupUs = 10000000});
    }

    // The body goes to m_body; the reply stays for its headers.
    const QNetworkReply *fetch(const FakeExchange &exchange, const QString &target)
    {
        m_reply.reset(m_manager.get(QNetworkRequest(QUrl(exchange.restUrl().toString() + target))));
        QSignalSpy(m_reply.get(), &QNetworkReply::finished).wait();
        m_body = m_reply->readAll();
        return m_reply.get();
    }

    Settings m_settings;
    QNetworkAccessManager m_manager;
    std::unique_ptr<QNetworkReply> m_reply;
    QByteArray m_body;
};

QTEST_GUILESS_MAIN(tst_ExchangeCoinbaseRest)

#include "tst_exchange_coinbase_rest.moc"
