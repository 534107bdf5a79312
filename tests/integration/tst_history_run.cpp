// SPDX-License-Identifier: Apache-2.0
#include "programs.h"

using namespace tidemill::testing;

// A run whose only source has an end: it ends by itself, says how it went, and the next one goes on.
class tst_HistoryRun : public QObject
{
    Q_OBJECT

private slots:
    void endsByItselfAndGoesOn()
    {
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(exchange.begin({"--generate", "5", "--symbols", "BTCUSDT", "--warmup", "120s"}));
        const qint64 trades = 1 + lastId(exchange);
        QVERIFY(trades > 1000); // more than a page

        HostProgram first(folder.path());
        QVERIFY2(first.runText(pipeline(exchange, "[BTCUSDT]")), first.output().constData());
        QVERIFY2(first.waitForEnd(), first.output().constData());
        QCOMPARE(first.exitCode(), 0);
        QVERIFY2(first.output().contains("every source has finished"), first.output().constData());
        QVERIFY(first.addedUp());
        const QList<qint64> ids = storedIds(folder.path());
        QCOMPARE(ids.size(), trades);
        for (qsizetype i = 0; i < ids.size(); ++i)
            QCOMPARE(ids[i], ids[0] + i);

        // Everything is there already: nothing comes twice, though the sink has no keys.
        HostProgram second(folder.path());
        QVERIFY2(second.runText(pipeline(exchange, "[BTCUSDT]")), second.output().constData());
        QVERIFY2(second.waitForEnd(), second.output().constData());
        QCOMPARE(second.exitCode(), 0);
        QCOMPARE(storedIds(folder.path()), ids);
    }

    void saysWithItsExitCodeThatSomethingFailed()
    {
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(exchange.begin({"--generate", "5", "--symbols", "BTCUSDT", "--warmup", "120s"}));

        HostProgram host(folder.path());
        QVERIFY2(host.runText(pipeline(exchange, "[NOSUCH, BTCUSDT]")), host.output().constData());
        QVERIFY2(host.waitForEnd(), host.output().constData());

        QCOMPARE(host.exitCode(), 1);
        QVERIFY2(host.output().contains("NOSUCH agg_trades: Invalid symbol."), host.output().constData());
        QVERIFY(storedIds(folder.path()).size() > 1000); // the other one is whole
    }

private:
    static QString pipeline(const ExchangeProgram &exchange, const QString &symbols)
    {
        return QStringLiteral("name: past\n"
                              "sources:\n"
                              "  history:\n"
                              "    type: binance_history\n"
                              "    symbols: %1\n"
                              "    data: [agg_trades]\n"
                              "    from: 2023-11-01\n"
                              "    overlap: 0s\n"
                              "    rest_url: %2\n"
                              "sinks:\n"
                              "  file: { type: jsonl, inputs: [history], path: %3 }\n")
            .arg(symbols, exchange.rest, QStringLiteral("history.jsonl"));
    }

    // Of what has happened before the first client came; nothing more does while none comes.
    static qint64 lastId(const ExchangeProgram &exchange)
    {
        const HttpResult answer =
            request(exchange.rest + QStringLiteral("/api/v3/aggTrades?symbol=BTCUSDT&limit=1"));
        const HttpResult first =
            request(exchange.rest + QStringLiteral("/api/v3/aggTrades?symbol=BTCUSDT&limit=1&fromId=0"));
        const auto id = [](const HttpResult &result) {
            return QJsonDocument::fromJson(result.body)[0]["a"].toInteger(-1);
        };
        return id(answer) - id(first);
    }

    static QList<qint64> storedIds(const QString &folder)
    {
        QList<qint64> ids;
        QFile file(folder + QStringLiteral("/history.jsonl"));
        if (file.open(QIODevice::ReadOnly)) {
            while (!file.atEnd())
                ids.append(QJsonDocument::fromJson(file.readLine())["agg_trade_id"].toInteger());
        }
        return ids;
    }
};

QTEST_GUILESS_MAIN(tst_HistoryRun)

#include "tst_history_run.moc"
