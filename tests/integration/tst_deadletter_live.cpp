// SPDX-License-Identifier: Apache-2.0
#include "redis/redis_server.h"
#include "truth.h"

using namespace tidemill::testing;

namespace {

constexpr auto pipelineText = R"(name: trades
sources:
  binance:
    type: binance
    url: %1
    rest_url: %2
    symbols: [BTCUSDT, ETHUSDT]
    streams: [trade]
sinks:
  redis:
    type: redis_stream
    inputs: [binance.trade]
    url: "%3"
    maxlen: 0
)";

} // namespace

// A host that goes on while its dead letters are replayed into the stream that it writes to.
class tst_DeadletterLive : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        if (!RedisServer::isInstalled())
            QSKIP("no redis-server is installed");
    }

    void storesEveryTradeOnce()
    {
        QVERIFY(m_server.start());
        QCOMPARE(m_server.call({"SET", "trades:BTCUSDT", "no stream"}), QByteArray("OK"));
        QVERIFY(m_exchange.begin({"--generate", "7", "--symbols", "BTCUSDT,ETHUSDT", "--rate", "400"}));
        HostProgram host(m_folder.path());
        QVERIFY2(host.runText(
                     QString::fromLatin1(pipelineText).arg(m_exchange.ws, m_exchange.rest, m_server.url())),
                 host.output().constData());
        // One stream takes nothing, the other one goes on.
        QTRY_VERIFY_WITH_TIMEOUT(letters() >= 5 && stored("ETHUSDT") > 300, 20000);
        const QByteArray shown = command({"ls", "--state-dir", m_folder.filePath("state")});
        QVERIFY2(shown.contains("trades:BTCUSDT"), shown.constData());

        QCOMPARE(m_server.call({"DEL", "trades:BTCUSDT"}), QByteArray("1"));
        QTRY_VERIFY_WITH_TIMEOUT(stored("BTCUSDT") > 300, 20000);
        const QByteArray said = command({"replay", m_folder.filePath("pipeline.yaml"), "redis", "--state-dir",
                                         m_folder.filePath("state")});
        QVERIFY2(QRegularExpression("redis: [0-9]+ dead letters: [0-9]+ records stored, 0 refused again, 0 "
                                    "letters not dealt with")
                     .match(QString::fromUtf8(said))
                     .hasMatch(),
                 said.constData());
        QCOMPARE(letters(), 0);
        QTRY_COMPARE_WITH_TIMEOUT(host.get("/health/components/redis").json()["dead_letters"].toInteger(-1),
                                  0, 10000);

        const qint64 before = stored("BTCUSDT");
        QTRY_VERIFY_WITH_TIMEOUT(stored("BTCUSDT") > before + 300, 20000);
        QVERIFY2(host.endWell(), host.output().constData());
        QCOMPARE(letters(), 0);
        for (const QString &symbol : {QStringLiteral("BTCUSDT"), QStringLiteral("ETHUSDT")}) {
            TradesById trades;
            const auto entries = m_server.entries("trades:" + symbol.toLatin1());
            for (const auto &entry : entries)
                trades.insert(entry[14].toLongLong(), entry[6] + ' ' + entry[8]);
            QCOMPARE(trades.size(), entries.size()); // none twice
            const TradesById truth = tradesOf(m_exchange, symbol);
            QCOMPARE(wrongTrades(truth, trades), QString());
        }
        // From the host's first trade on: what was refused is not missing at the beginning.
        const auto first = [this](const char *stream) {
            return m_server.entries(stream)[0][14].toLongLong();
        };
        QVERIFY(smallestId("trades:BTCUSDT") < first("trades:BTCUSDT"));
    }

private:
    int letters() const
    {
        return int(QDir(m_folder.filePath("state/trades/redis/deadletters"))
                       .entryList({"*.letter"}, QDir::Files)
                       .size());
    }

    qint64 stored(const char *symbol) const
    {
        return m_server.call({"XLEN", QStringLiteral("trades:") + symbol}).toLongLong(); // an error is 0
    }

    qint64 smallestId(const char *stream) const
    {
        qint64 least = std::numeric_limits<qint64>::max();
        for (const auto &entry : m_server.entries(stream))
            least = std::min(least, entry[14].toLongLong());
        return least;
    }

    static QByteArray command(const QStringList &words)
    {
        int exitCode = -1;
        const QByteArray output =
            outputOf(builtProgram("tidemill"), QStringList{"deadletter"} + words, &exitCode);
        return exitCode == 0 ? output : "exit code " + QByteArray::number(exitCode) + ": " + output;
    }

    QTemporaryDir m_folder;
    RedisServer m_server;
    ExchangeProgram m_exchange;
};

QTEST_GUILESS_MAIN(tst_DeadletterLive)

#include "tst_deadletter_live.moc"
