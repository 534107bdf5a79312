// SPDX-License-Identifier: Apache-2.0
#include "away_database.h"
#include "report_table.h"
#include "spool_witness.h"

using namespace tidemill::testing;

namespace {

// The file has no keys, so it shows what is delivered twice. History would fill what no run was there for;
// here the runs are to be told apart.
constexpr auto pipelineText = R"(name: soak
sources:
  binance:
    type: binance
    url: %1
    rest_url: %2
    symbols: [BTCUSDT]
    streams: [trade]
    backfill: false
sinks:
  db:
    type: sql
    inputs: [binance]
    url: "%3"
    retry: { initial: 50ms, max: 500ms }
    breaker: { failures: 10, pause: 500ms }
    buffer: { type: disk }
    queue: { rows: 2000 }
    batch: { rows: 500 }
  file:
    type: jsonl
    inputs: [binance.trade]
    path: trades.jsonl
    buffer: { type: disk }
    batch: { rows: 500 }
)";
constexpr qint64 rowsOfGroup = 500;

int setting(const char *name, int byDefault)
{
    bool isNumber = false;
    const int value = qEnvironmentVariableIntValue(name, &isNumber);
    return isNumber && value > 0 ? value : byDefault;
}

// A file of JSON lines that is read on as it grows.
class TradeFile
{
public:
    explicit TradeFile(const QString &path) : m_file(path) {}

    // Whole lines only: a torn one is what the next start cuts off.
    void readOn()
    {
        if (!m_file.isOpen() && !m_file.open(QIODevice::ReadOnly))
            return;
        m_file.seek(m_offset);
        QByteArray data = m_file.readAll();
        data.truncate(data.lastIndexOf('\n') + 1);
        m_offset += data.size();
        for (const QByteArray &line : data.split('\n')) {
            if (line.isEmpty())
                continue;
            const QJsonObject trade = QJsonDocument::fromJson(line).object();
            m_trades.insert(trade["trade_id"].toInteger(), trade["price"].toString().toLatin1() + ' ' +
                                                               trade["quantity"].toString().toLatin1());
            ++m_lines;
        }
    }

    const TradesById &trades() const { return m_trades; }
    qint64 repeated() const { return m_lines - m_trades.size(); }

private:
    QFile m_file;
    qint64 m_offset = 0;
    TradesById m_trades;
    qint64 m_lines = 0;
};

} // namespace

// kill -9 of the host at random moments, for as long as one likes, while its database comes and goes. Set by
// TIDEMILL_SOAK_SECONDS, TIDEMILL_SOAK_KILLS and TIDEMILL_SOAK_SEED.
class tst_Soak : public QObject
{
    Q_OBJECT

private slots:
    void storesWhatWasAcceptedOnceWhateverIsKilled()
    {
        if (!AwayDatabase::isInstalled())
            QSKIP("no PostgreSQL server is installed");
        m_time.start();
        QVERIFY(m_folder.isValid());
        // The server's account must be able to reach its folder.
        QVERIFY(QFile::setPermissions(m_folder.path(), QFile::permissions(m_folder.path()) | QFile::ExeOther |
                                                           QFile::ReadOther));
        AwayDatabase database(m_folder.filePath("cluster"), m_seed);
        QVERIFY(database.start());
        ExchangeProgram exchange;
        QVERIFY(
            exchange.begin({"--generate", QString::number(m_seed), "--symbols", "BTCUSDT", "--rate", "500"}));
        const QString pipeline =
            QString::fromLatin1(pipelineText).arg(exchange.ws, exchange.rest, database.url());
        QFile file(m_folder.filePath("pipeline.yaml"));
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(pipeline.toUtf8()) > 0);
        file.close();

        killAndKill(database);
        if (QTest::currentTestFailed())
            return;
        QVERIFY(database.start());
        const TradesById sent = tradesOf(exchange, QStringLiteral("BTCUSDT"));
        exchange.kill(); // nothing new comes, so that what was accepted is known to the end
        drain(pipeline);
        if (QTest::currentTestFailed())
            return;
        judge(sent, database);
    }

private:
    // Each kill comes at a random moment of its own piece of time, so that a run lasts from nothing to twice
    // that.
    void killAndKill(AwayDatabase &database)
    {
        QRandomGenerator random(m_seed);
        const qint64 piece = qint64(m_seconds) * 850 / m_kills; // ms; the rest is for draining and judging
        QElapsedTimer clock;
        clock.start();
        for (int kill = 0; kill < m_kills; ++kill) {
            Program host;
            host.setWorkingDirectory(m_folder.path());
            QVERIFY(host.start(builtProgram("tidemill"),
                               {"run", "pipeline.yaml", "--http", "127.0.0.1:0", "--log-format", "json",
                                "--state-dir", m_folder.filePath("state")}));
            const qint64 due = kill * piece + random.bounded(piece);
            (void)QTest::qWaitFor(
                [&] {
                    database.turn();
                    return clock.hasExpired(due) || !host.isRunning();
                },
                int(2 * piece) + 1000);
            QVERIFY2(host.isRunning(), host.output().constData()); // it never ends by itself
            host.signal(SIGKILL);
            QVERIFY(host.waitForEnd());

            QCOMPARE(m_tables.note(), QString());
            QCOMPARE(m_lines.note(), QString());
            m_file.readOn();
            const auto written = QSet<qint64>(m_file.trades().keyBegin(), m_file.trades().keyEnd());
            const qint64 again = QSet<qint64>(m_lines.unconfirmed()).intersect(written).size();
            m_mostInHand = std::max(m_mostInHand, again);
            if (kill % 10 == 0)
                verifySpools();
        }
    }

    void verifySpools()
    {
        int exitCode = -1;
        const QByteArray verified =
            outputOf(builtProgram("tidemill"), {"spool", "verify", m_folder.filePath("state")}, &exitCode);
        QVERIFY2(exitCode == 0 && !verified.contains("damaged"), verified.constData());
        ++m_verified;
    }

    // One more run stores what is left, and says itself that nothing is.
    void drain(const QString &pipeline)
    {
        HostProgram host(m_folder.path());
        QVERIFY2(host.runText(pipeline), host.output().constData());
        const auto queued = [&host](const char *node) {
            return host.node(QLatin1String(node))["records_queued"].toInteger(-1);
        };
        QTRY_COMPARE_WITH_TIMEOUT(queued("db"), qint64(0), 120000);
        QTRY_COMPARE_WITH_TIMEOUT(queued("file"), qint64(0), 60000);
        QTRY_COMPARE(figuresThatDoNotAddUp(host.get(QStringLiteral("/stats")).json()), QString());
        const QByteArray metrics = host.get(QStringLiteral("/prometheus")).body;
        for (const QByteArray &line : metrics.split('\n')) {
            if (line.startsWith("tidemill_spool_waiting_") ||
                line.startsWith("tidemill_spool_quarantined_") ||
                line.startsWith("tidemill_spool_write_errors_"))
                QVERIFY2(line.endsWith(" 0"), line.constData());
        }
        QVERIFY2(host.endWell(), host.output().constData());
        verifySpools();
    }

    void judge(const TradesById &sent, const AwayDatabase &database)
    {
        m_file.readOn();
        const TradesById accepted = m_tables.accepted();
        TradesById stored;
        for (const QByteArray &line :
             database.query(QStringLiteral("SELECT trade_id || ' ' || price || ' ' || quantity FROM trade"))
                 .split('\n')) {
            const qsizetype space = line.indexOf(' ');
            if (space > 0)
                stored.insert(line.first(space).toLongLong(), line.sliced(space + 1));
        }
        const qint64 rows = database.query(QStringLiteral("SELECT count(*) FROM trade")).toLongLong();
        const qint64 missing = m_tables.missing(sent).size() + m_lines.missing(sent).size();
        const qint64 runs = std::count_if(m_tables.runs().begin(), m_tables.runs().end(),
                                          [](const auto &run) { return !run.trades.isEmpty(); });
        ReportTable table;
        table.add("seed", qint64(m_seed));
        table.add("kills of the host (kill -9)", m_kills);
        table.add("  of them after it had accepted something", runs);
        table.add("outages of the database", database.outages());
        table.add("trades that the exchange sent", sent.size());
        table.add("trades that the spool accepted", accepted.size());
        table.add("trades stored", stored.size());
        table.add("trades in holes (sent while no host was there)", sent.size() - stored.size() - missing);
        table.add("gap records accepted", m_tables.gapRecords());
        table.add("trades stored twice", rows - stored.size());
        table.add("trades missing within a run", missing);
        table.add("lines in a file without keys that came again", m_file.repeated());
        table.add("  most in hand at one kill", m_mostInHand);
        table.add("spool verify (times, all good)", m_verified);
        table.add("seconds", QByteArray::number(double(m_time.elapsed()) / 1000, 'f', 1));
        table.print();

        QCOMPARE(missing, 0);
        // Exactly what was accepted is stored, digit by digit, and it is what the exchange had sent.
        QVERIFY(stored == accepted);
        for (auto trade = stored.begin(); trade != stored.end(); ++trade)
            QCOMPARE(trade.value(), sent.value(trade.key()));
        QCOMPARE(rows, stored.size());
        // The key is there, and nobody ever ran into it.
        QCOMPARE(database.query(QStringLiteral("SELECT count(*) > 0 FROM pg_index WHERE indisunique AND "
                                               "indrelid = 'trade'::regclass")),
                 QByteArray("t"));
        QVERIFY(!database.log().contains("duplicate key"));
        // What has no keys is complete as well, and has no more twice than a sink holds.
        QVERIFY(m_file.trades() == m_lines.accepted());
        QVERIFY2(m_mostInHand <= rowsOfGroup + m_lines.largestBatch(),
                 qPrintable(QString::number(m_mostInHand)));
        // Otherwise little was shown.
        QVERIFY2(runs * 2 > m_kills, qPrintable(QString::number(runs)));
        QVERIFY(database.outages() > 0);
    }

    const int m_seconds = setting("TIDEMILL_SOAK_SECONDS", 25);
    const int m_kills = setting("TIDEMILL_SOAK_KILLS", 18);
    const quint32 m_seed = quint32(setting("TIDEMILL_SOAK_SEED", 20240808));
    QTemporaryDir m_folder;
    QElapsedTimer m_time;
    SpoolWitness m_tables{m_folder.filePath("state/soak/db/spool/binance")};
    SpoolWitness m_lines{m_folder.filePath("state/soak/file/spool/binance.trade")};
    TradeFile m_file{m_folder.filePath("trades.jsonl")};
    qint64 m_mostInHand = 0;
    int m_verified = 0;
};

QTEST_GUILESS_MAIN(tst_Soak)

#include "tst_soak.moc"
