// SPDX-License-Identifier: Apache-2.0
#include "history_rows.h"

#include <QElapsedTimer>

using namespace tidemill::testing;

namespace {

// 2023-11-14, and a market that opens ninety minutes before and is simulated for three hours.
constexpr qint64 midnight = 1699920000000;
constexpr qint64 opening = midnight - 90 * 60000;
constexpr qint64 from = opening + 61234;

// The second sink has little room, takes its time, and has to confirm too, so that nothing is over too soon.
constexpr auto pipelineText = R"(name: past
sources:
  history: { type: binance_history, symbols: [BTCUSDT], data: [%1], from: %2, to: %3, %4 }
sinks:
  db: { type: sql, inputs: [history], url: "sqlite:%5", queue: { rows: 200 }, batch: { rows: 100 } }
  slow: { type: blackhole, inputs: [history], delay_us: %6, queue: { rows: 200 }, thread: slow }
)";

} // namespace

// kill -9 while the past is fetched, with the database there and away: the checkpoint is never further than
// what the sinks had confirmed, the next run goes on at exactly that place, and in the end every row is there
// once.
class tst_HistoryKill : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        QVERIFY(m_exchange.begin({"--generate", "41", "--symbols", historySymbol, "--rate", "3", "--warmup",
                                  "180m", "--epoch", QString::number(opening)}));
        const auto download = [this](const QString &path) {
            QFile file(m_archive.filePath(path));
            return QDir().mkpath(QFileInfo(file).path()) && file.open(QIODevice::WriteOnly) &&
                   file.write(request(m_exchange.rest + u'/' + path).body) > 1000;
        };
        QVERIFY(
            download(QStringLiteral("data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2023-11-13.zip")));
    }

    void goesOnWhereTheSinksWere_data()
    {
        QTest::addColumn<QString>("data");
        QTest::addColumn<bool>("isArchive");

        QTest::newRow("trades by REST") << "agg_trades" << false;
        QTest::newRow("candles by REST") << "klines_1s" << false;
        QTest::newRow("a bulk file") << "agg_trades" << true;
    }

    void goesOnWhereTheSinksWere()
    {
        QFETCH(QString, data);
        QFETCH(bool, isArchive);
        QTemporaryDir folder;
        m_folder = folder.path();
        m_isCandles = data.startsWith(QLatin1String("klines"));
        // Of the file alone: nobody is there to be asked.
        const QString where =
            isArchive ? QStringLiteral("archive: '%1', rest_url: 'http://127.0.0.1:1'").arg(m_archive.path())
                      : QStringLiteral("rest_url: '%1'").arg(m_exchange.rest);
        const qint64 to = isArchive ? midnight : midnight + 89 * 60000;
        Rows truth =
            m_isCandles ? candlesOfExchange(m_exchange, "1s", from) : tradesOfExchange(m_exchange, from, to);
        if (m_isCandles)
            truth.erase(truth.lowerBound(to), truth.end());
        QVERIFY(truth.size() > 9000); // some pages
        const qint64 delayUs = 4500000 / truth.size();
        const auto pipeline = [&](const char *database) {
            return QString::fromLatin1(pipelineText)
                .arg(data, QString::number(from), QString::number(to), where, QLatin1String(database),
                     QString::number(delayUs));
        };

        for (const bool isAway : {true, false, true, false}) {
            const Rows before = stored();
            const qint64 position = savedPosition();
            HostProgram host(m_folder);
            QVERIFY2(host.runText(pipeline(isAway ? "/dev/null/away.db" : "history.db")),
                     host.output().constData());
            QElapsedTimer timer;
            timer.start();
            QTRY_VERIFY_WITH_TIMEOUT(host.node(QStringLiteral("history"))["records_out"].toInteger() > 0,
                                     20000);
            if (isAway) {
                // Positions are kept once a second.
                QTRY_COMPARE_WITH_TIMEOUT(host.node(QStringLiteral("db"))["state"].toString(), "degraded",
                                          20000);
                QTRY_VERIFY_WITH_TIMEOUT(timer.elapsed() > 1500, 10000);
            } else {
                QTRY_VERIFY_WITH_TIMEOUT(savedPosition() > position, 20000);
            }
            host.signal(SIGKILL);
            QVERIFY(host.waitForEnd());
            verifyWentOnAt(host, position);
            if (isAway) {
                QCOMPARE(stored(), before);
                QCOMPARE(savedPosition(), position);
            }
            // Everything in front of the position is there, though the run did not come to its end.
            const Rows now = stored();
            const qint64 reached = savedPosition();
            for (auto row = truth.begin(); row != truth.end() && row.key() < reached; ++row)
                QVERIFY2(now.contains(row.key()), row.value().constData());
            QVERIFY2(now.size() < truth.size(), QByteArray::number(reached - truth.firstKey()));
        }

        const qint64 position = savedPosition();
        QVERIFY(position > truth.firstKey());
        HostProgram host(m_folder);
        QVERIFY2(host.runText(pipeline("history.db")), host.output().constData());
        QVERIFY2(host.waitForEnd(30000), host.output().constData());
        QCOMPARE(host.exitCode(), 0);
        QVERIFY(host.addedUp());
        verifyWentOnAt(host, position);
        QVERIFY2(!host.output().contains("reject"), host.output().constData());
        QCOMPARE(wrongRows(truth, stored()), QString());
        QCOMPARE(storedNumber(database(), QByteArray("SELECT count(*) FROM ") + table()), truth.size());
    }

private:
    QString database() const { return m_folder + QStringLiteral("/history.db"); }
    const char *table() const { return m_isCandles ? "candle" : "agg_trade"; }

    Rows stored() const
    {
        const QByteArray open = "(ts_open / 1000000)";
        return storedRows(
            database(),
            m_isCandles
                ? "SELECT " + open + ", " +
                      sqlText({open, "open", "high", "low", "close", "volume", "quote_volume", "trades"}) +
                      " FROM candle WHERE closed"
                : "SELECT agg_trade_id, " +
                      sqlText({"agg_trade_id", "price", "quantity", "first_trade_id || '-' || last_trade_id",
                               "(ts_event / 1000000)", "side"}) +
                      " FROM agg_trade");
    }

    // The id or the time (in milliseconds) that the next run begins with; -1: there is none.
    qint64 savedPosition() const
    {
        QFile file(m_folder + QStringLiteral("/state/past/history/positions"));
        if (!file.open(QIODevice::ReadOnly))
            return -1;
        static const QRegularExpression next(QStringLiteral("next=(\\d+)"));
        const auto match = next.match(QString::fromLatin1(QByteArray::fromPercentEncoding(file.readAll())));
        const qint64 key = match.hasMatch() ? match.captured(1).toLongLong() : -1;
        return m_isCandles && key > 0 ? key / 1000000 : key;
    }

    void verifyWentOnAt(const HostProgram &host, qint64 position) const
    {
        const QByteArray said =
            position < 0 ? QByteArray("begins at ") : "goes on at next=" + QByteArray::number(position);
        QVERIFY2(host.output().contains(said), said + '\n' + host.output());
    }

    ExchangeProgram m_exchange;
    QTemporaryDir m_archive;
    QString m_folder;
    bool m_isCandles = false;
};

QTEST_GUILESS_MAIN(tst_HistoryKill)

#include "tst_history_kill.moc"
