// SPDX-License-Identifier: Apache-2.0
#include "redis/redis_server.h"
#include "report_table.h"
#include "truth.h"

#include <QElapsedTimer>

using namespace tidemill::testing;

namespace {

// The first pause is long enough for whoever looks at health to see why.
constexpr auto pipelineText = R"(name: soak
sources:
  binance:
    type: binance
    url: %1
    rest_url: %2
    symbols: [%3]
    streams: [trade]
sinks:
  redis:
    type: redis_stream
    inputs: [binance.trade]
    url: "%4"
    maxlen: 0
    retry: { initial: 300ms, max: 500ms, jitter: none }
)";

const QStringList symbols{"BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT"};
const QStringList durable{"--appendonly", "yes", "--appendfsync", "always"};
constexpr qint64 peakMemoryLimit = 64 + sanitizerMiB; // MB, of the host

qint64 setting(const char *name, int byDefault)
{
    bool isNumber = false;
    const int value = qEnvironmentVariableIntValue(name, &isNumber);
    return isNumber && value > 0 ? value : byDefault;
}

} // namespace

// One run of the host, five thousand trades a second, and everything that can happen to its Redis, one thing
// after the other. In the end each trade is stored once and in order. How many there are at least is said by
// TIDEMILL_SOAK_TRADES; TIDEMILL_SOAK_SEED makes another market.
class tst_RedisSoak : public QObject
{
    Q_OBJECT

private slots:
    void storesEachTradeOnceWhateverHappensToTheServer()
    {
        if (!RedisServer::isInstalled())
            QSKIP("no redis-server is installed");
        m_time.start();
        QVERIFY(m_server.start(durable));
        QVERIFY(m_exchange.begin({"--generate", QString::number(m_seed), "--symbols", symbols.join(u','),
                                  "--rate", "1000", "--history", "1000000"}));
        QVERIFY2(m_host.runText(QString::fromLatin1(pipelineText)
                                    .arg(m_exchange.ws, m_exchange.rest, symbols.join(QLatin1String(", ")),
                                         m_server.url())),
                 m_host.output().constData());
        QVERIFY(goesOn());

        const auto steps = {&tst_RedisSoak::killTheServer, &tst_RedisSoak::freezeTheServer,
                            &tst_RedisSoak::cutConnections, &tst_RedisSoak::fillMemory,
                            &tst_RedisSoak::askForAPassword};
        for (const auto step : steps) {
            (this->*step)();
            if (QTest::currentTestFailed())
                return;
        }
        QTRY_VERIFY_WITH_TIMEOUT(stored() >= m_wanted, 180000);
        judge();
    }

private:
    void killTheServer()
    {
        for (int round = 0; round < 5; ++round) {
            m_server.kill();
            QVERIFY(names(QStringLiteral("127.0.0.1:%1").arg(m_server.port())));
            QVERIFY(m_server.restart());
            QVERIFY(goesOn());
        }
        m_table.add("kills of the server (kill -9, appendonly)", 5);
    }

    void freezeTheServer()
    {
        QElapsedTimer still;
        m_server.freeze();
        still.start();
        QVERIFY(names(QStringLiteral("has not answered")));
        QTRY_VERIFY_WITH_TIMEOUT(still.hasExpired(5000), 6000);
        m_server.thaw();
        QVERIFY(goesOn());
        m_table.add("stalls of the server (SIGSTOP, 5 s)", 1);
    }

    void cutConnections()
    {
        for (int round = 0; round < 5; ++round) {
            // A new one is there within milliseconds: the log tells of it, health has no time to.
            const auto told = [this] { return m_host.output().count("closed"); };
            const qsizetype before = told();
            QCOMPARE(m_server.call({"CLIENT", "KILL", "TYPE", "normal"}), QByteArray("1"));
            QTRY_VERIFY_WITH_TIMEOUT(told() > before, 10000);
            QVERIFY(goesOn());
        }
        m_table.add("connections cut (CLIENT KILL)", 5);
    }

    void fillMemory()
    {
        for (int round = 0; round < 3; ++round) {
            QCOMPARE(m_server.call({"CONFIG", "SET", "maxmemory", "1mb"}), QByteArray("OK"));
            QVERIFY(names(QStringLiteral("OOM")));
            QCOMPARE(m_server.call({"CONFIG", "SET", "maxmemory", "0"}), QByteArray("OK"));
            QVERIFY(goesOn());
        }
        m_table.add("times out of memory (maxmemory)", 3);
    }

    void askForAPassword()
    {
        m_server.kill();
        QVERIFY(m_server.start(QStringList(durable) << "--requirepass"
                                                    << "s3cret"));
        QVERIFY(names(QStringLiteral("NOAUTH")));
        m_server.kill();
        QVERIFY(m_server.start(durable));
        QVERIFY(goesOn());
        m_table.add("restarts with a password that nobody knew", 1);
    }

    // What an operator sees while it lasts.
    bool names(const QString &trouble)
    {
        QByteArray health;
        const bool isNamed = QTest::qWaitFor(
            [&] {
                health = m_host.get(QStringLiteral("/health")).body;
                return health.contains(trouble.toUtf8());
            },
            10000);
        if (!isNamed)
            qWarning("expected '%s' in %s", qPrintable(trouble), health.constData());
        m_troublesNamed += isNamed ? 1 : 0;
        return isNamed;
    }

    // More is stored than there was, and nothing is wrong.
    bool goesOn()
    {
        const qint64 before = stored();
        const bool went = QTest::qWaitFor(
            [&] {
                return stored() > before + 1000 &&
                       m_host.node(QStringLiteral("redis"))["state"].toString() == QLatin1String("running");
            },
            30000);
        if (!went)
            qWarning("%s", qPrintable(QString::fromUtf8(m_host.output()).right(2000)));
        return went;
    }

    qint64 stored() const
    {
        qint64 entries = 0;
        for (const QString &symbol : symbols)
            entries += m_server.call({"XLEN", QStringLiteral("trades:") + symbol}).toLongLong();
        return entries;
    }

    qint64 peakMemory() const // MB, of the host
    {
        QFile file(QStringLiteral("/proc/%1/status").arg(m_host.id()));
        if (!file.open(QIODevice::ReadOnly))
            return -1;
        const QByteArray status = file.readAll();
        const qsizetype at = status.indexOf("VmHWM:");
        return at < 0 ? -1 : status.mid(at + 6).trimmed().split(' ').first().toLongLong() / 1024;
    }

    void judge()
    {
        const qint64 memory = peakMemory();
        QVERIFY2(m_host.endWell(60000), m_host.output().constData());
        qint64 entries = 0;
        qint64 twice = 0;
        qint64 disordered = 0;
        QStringList wrong;
        for (const QString &symbol : symbols) {
            TradesById trades;
            qint64 last = -1;
            for (const auto &entry : m_server.entries("trades:" + symbol.toLatin1())) {
                const qint64 id = entry.value(14).toLongLong();
                ++entries;
                twice += trades.contains(id) ? 1 : 0;
                disordered += id < last ? 1 : 0;
                last = std::max(last, id);
                trades.insert(id, entry.value(6) + ' ' + entry.value(8));
            }
            const QString fault = wrongTrades(tradesOf(m_exchange, symbol), trades);
            if (!fault.isEmpty())
                wrong.append(symbol + QLatin1String(": ") + fault);
        }
        m_table.add("troubles that health named", m_troublesNamed);
        m_table.add("trades stored", entries);
        m_table.add("trades stored twice", twice);
        m_table.add("trades out of order", disordered);
        m_table.add("symbols with a trade missing or changed", wrong.size());
        m_table.add("most memory of the host, MB", memory);
        m_table.add("seconds", QByteArray::number(double(m_time.elapsed()) / 1000, 'f', 1));
        m_table.print();

        QCOMPARE(wrong.join(u'\n'), QString());
        QVERIFY(entries >= m_wanted);
        QCOMPARE(twice, 0);
        QCOMPARE(disordered, 0);
        QVERIFY2(memory > 0 && memory <= peakMemoryLimit, qPrintable(QString::number(memory)));
    }

    const qint64 m_wanted = setting("TIDEMILL_SOAK_TRADES", 20000);
    const qint64 m_seed = setting("TIDEMILL_SOAK_SEED", 20240808);
    QTemporaryDir m_folder;
    QElapsedTimer m_time;
    ReportTable m_table;
    RedisServer m_server;
    ExchangeProgram m_exchange;
    HostProgram m_host{m_folder.path()};
    qint64 m_troublesNamed = 0;
};

QTEST_GUILESS_MAIN(tst_RedisSoak)

#include "tst_redis_soak.moc"
