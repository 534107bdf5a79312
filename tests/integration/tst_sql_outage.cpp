// SPDX-License-Identifier: Apache-2.0
#include "sql_server.h"

#include <QElapsedTimer>

using namespace tidemill::testing;

namespace {

constexpr auto pipelineText = R"(name: outage
sources:
  binance:
    type: binance
    url: %1
    rest_url: %2
    symbols: [BTCUSDT]
    streams: [trade]
sinks:
  db:
    type: sql
    inputs: [binance]
    url: "%3"
    mode: %4
    retry: { initial: 100ms, max: 1s }
)";

// A directory with little room, for as long as it lives.
class SmallDisk
{
public:
    explicit SmallDisk(const QString &folder) : m_folder(folder)
    {
        m_isMounted = QDir().mkpath(folder) &&
                      run(QStringLiteral("mount"), {"-t", "tmpfs", "-o", "size=2m", "tidemill-test", folder});
        m_isUsable = m_isMounted && run(QStringLiteral("chown"), {SqlServer::account(), folder});
    }
    ~SmallDisk()
    {
        if (m_isMounted)
            (void)run(QStringLiteral("umount"), {"-l", m_folder});
    }
    Q_DISABLE_COPY_MOVE(SmallDisk)

    bool isUsable() const { return m_isUsable; }
    bool fill() const
    {
        QFile file(filler());
        if (!file.open(QIODevice::WriteOnly | QIODevice::Unbuffered))
            return false;
        qint64 written = 0;
        while (written < (16 << 20) && file.write(QByteArray(4096, 'x')) == 4096)
            written += 4096;
        return written < (16 << 20);
    }
    bool clear() const { return QFile::remove(filler()); }

private:
    static bool run(const QString &program, const QStringList &arguments)
    {
        int exitCode = -1;
        outputOf(program, arguments, &exitCode);
        return exitCode == 0;
    }
    QString filler() const { return m_folder + QStringLiteral("/filler"); }

    QString m_folder;
    bool m_isMounted = false;
    bool m_isUsable = false;
};

} // namespace

// A PostgreSQL server of this test's own has troubles while trades come in. Afterwards no row may be missing
// and none double.
class tst_SqlOutage : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        if (!SqlServer::isInstalled())
            QSKIP("no PostgreSQL server is installed");
        QVERIFY(m_server.start());
    }

    void init() { QVERIFY(m_server.query(QStringLiteral("DROP TABLE IF EXISTS trade")).isEmpty()); }

    void losesNothingWhileTheDatabaseIsAway_data()
    {
        QTest::addColumn<QString>("mode");
        QTest::addColumn<QByteArray>("command");
        QTest::addColumn<int>("seconds");

        QTest::newRow("stopped for ten seconds") << "upsert" << QByteArray("stop") << 10;
        QTest::newRow("crashed") << "upsert" << QByteArray("kill") << 1;
        QTest::newRow("append, stopped for two seconds") << "append" << QByteArray("stop") << 2;
        QTest::newRow("append, crashed") << "append" << QByteArray("kill") << 1;
    }

    void losesNothingWhileTheDatabaseIsAway()
    {
        QFETCH(QString, mode);
        QFETCH(QByteArray, command);
        QFETCH(int, seconds);
        Run run(m_server, mode);
        QVERIFY2(run.begin(), run.host.output().constData());

        QVERIFY(m_server.control(command.constData()));
        QElapsedTimer away;
        away.start();
        QTRY_COMPARE_WITH_TIMEOUT(run.state(), QStringLiteral("degraded"), 10000);
        // An operator sees what is wrong, and the source goes on.
        QVERIFY(!run.host.node(QStringLiteral("db"))["error"].toString().isEmpty());
        const qint64 before = run.host.node(QStringLiteral("binance"))["records_out"].toInteger();
        QTRY_VERIFY_WITH_TIMEOUT(away.hasExpired(seconds * 1000), (seconds + 1) * 1000);
        QVERIFY(run.host.node(QStringLiteral("binance"))["records_out"].toInteger() > before);
        // Trades come in meanwhile, so the figures need not all be of one moment.
        QTRY_COMPARE(figuresThatDoNotAddUp(run.host.get(QStringLiteral("/stats")).json()), QString());
        QVERIFY(m_server.control("start"));

        QTRY_COMPARE_WITH_TIMEOUT(run.state(), QStringLiteral("running"), 20000);
        QVERIFY2(run.endWell(), run.host.output().constData());
        QVERIFY(m_server.count() > 200 + seconds * 300);
        QCOMPARE(m_server.wrongTrades(run.exchange), QString());
    }

    void startsBeforeTheDatabase()
    {
        QVERIFY(m_server.control("stop"));
        Run run(m_server, QStringLiteral("upsert"));
        QVERIFY2(run.start(), run.host.output().constData());
        QTRY_COMPARE_WITH_TIMEOUT(run.state(), QStringLiteral("degraded"), 10000);

        QVERIFY(m_server.control("start"));

        QTRY_VERIFY_WITH_TIMEOUT(run.stored() > 100, 20000);
        QVERIFY2(run.endWell(), run.host.output().constData());
    }

    void losesNothingWhenConnectionsAreEnded_data() { addModes(); }

    // Again and again, in the middle of whatever the server is doing.
    void losesNothingWhenConnectionsAreEnded()
    {
        QFETCH(QString, mode);
        Run run(m_server, mode);
        QVERIFY2(run.begin(), run.host.output().constData());
        // The server takes its time for each row, so that it dies with some of a group in hand.
        m_server.query(QStringLiteral(
            "CREATE OR REPLACE FUNCTION linger() RETURNS trigger AS $$ BEGIN PERFORM pg_sleep(0.001); RETURN "
            "NEW; "
            "END $$ LANGUAGE plpgsql; "
            "CREATE TRIGGER linger BEFORE INSERT ON trade FOR EACH ROW EXECUTE FUNCTION linger()"));

        // Each time it is at work, but not before it has stored something again.
        const auto endsBackend = [this] {
            return m_server
                       .query(QStringLiteral("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                             "WHERE application_name = 'tidemill' AND state = 'active' AND "
                                             "(query LIKE 'INSERT%' OR query LIKE 'COPY%')"))
                       .toInt() > 0;
        };
        for (int round = 0; round < 6; ++round) {
            const auto before = m_server.count();
            QTRY_VERIFY_WITH_TIMEOUT(m_server.count() > before, 20000);
            QVERIFY(QTest::qWaitFor(endsBackend, 20000)); // QTRY_VERIFY would ask once more
        }
        m_server.query(QStringLiteral("DROP TRIGGER linger ON trade"));

        QTRY_COMPARE_WITH_TIMEOUT(run.state(), QStringLiteral("running"), 20000);
        QVERIFY2(run.endWell(), run.host.output().constData());
        QCOMPARE(m_server.wrongTrades(run.exchange), QString());
        QVERIFY(m_server.count() > 2000);
    }

    void waitsForADiskThatIsFull_data() { addModes(); }

    void waitsForADiskThatIsFull()
    {
        QFETCH(QString, mode);
        const QString folder = m_server.folder() + QStringLiteral("/small-") + mode;
        const SmallDisk disk(folder);
        if (!disk.isUsable())
            QSKIP("needs a file system with little room, and may not mount one");
        QVERIFY(m_server.query(QStringLiteral("CREATE TABLESPACE small_%1 LOCATION '%2'").arg(mode, folder))
                    .isEmpty());
        Run run(m_server, mode, QStringLiteral("?options=-cdefault_tablespace%3Dsmall_") + mode);
        QVERIFY2(run.begin(), run.host.output().constData());

        QVERIFY(disk.fill());
        QTRY_COMPARE_WITH_TIMEOUT(run.state(), QStringLiteral("degraded"), 30000);
        const QString error = run.host.node(QStringLiteral("db"))["error"].toString();
        QVERIFY2(error.contains(QLatin1String("No space left on device")), qPrintable(error));
        QVERIFY(disk.clear());

        QTRY_COMPARE_WITH_TIMEOUT(run.state(), QStringLiteral("running"), 20000);
        QVERIFY2(run.endWell(), run.host.output().constData());
        QCOMPARE(m_server.wrongTrades(run.exchange), QString());
        QVERIFY(m_server.query(QStringLiteral("DROP TABLE trade")).isEmpty());
        QVERIFY(m_server.query(QStringLiteral("DROP TABLESPACE small_") + mode).isEmpty());
    }

    void waitsForATableThatIsLocked_data() { addModes(); }

    // It says so while it waits, and goes on when the lock is gone.
    void waitsForATableThatIsLocked()
    {
        QFETCH(QString, mode);
        Run run(m_server, mode);
        QVERIFY2(run.begin(), run.host.output().constData());

        Program holder;
        QVERIFY(
            holder.start(QStringLiteral("psql"),
                         {m_server.url(), "-qAtX", "-c",
                          "BEGIN; LOCK TABLE trade IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(5); COMMIT"}));
        QTRY_COMPARE_WITH_TIMEOUT(run.state(), QStringLiteral("degraded"), 5000);
        const QString error = run.host.node(QStringLiteral("db"))["error"].toString();
        QVERIFY2(error.contains(QLatin1String("lock timeout")), qPrintable(error));
        QVERIFY(holder.waitForEnd());

        QTRY_COMPARE_WITH_TIMEOUT(run.state(), QStringLiteral("running"), 10000);
        QVERIFY2(run.endWell(), run.host.output().constData());
        QCOMPARE(m_server.wrongTrades(run.exchange), QString());
        QVERIFY(m_server.count() > 2000);
    }

    void storesNothingRoundedWhenTheTableChanges_data() { addModes(); }

    void storesNothingRoundedWhenTheTableChanges()
    {
        QFETCH(QString, mode);
        Run run(m_server, mode);
        QVERIFY2(run.begin(), run.host.output().constData());

        m_server.query(QStringLiteral("ALTER TABLE trade ALTER price TYPE text"));
        QTRY_COMPARE_WITH_TIMEOUT(run.state(), QStringLiteral("degraded"), 5000);
        const QString error = run.host.node(QStringLiteral("db"))["error"].toString();
        const QString remedy = error.section(QStringLiteral("To mend it: "), 1);
        QCOMPARE(remedy, QStringLiteral("ALTER TABLE \"trade\" ALTER COLUMN \"price\" TYPE numeric USING "
                                        "\"price\"::numeric;"));
        QVERIFY(m_server.query(remedy).isEmpty());

        QTRY_COMPARE_WITH_TIMEOUT(run.state(), QStringLiteral("running"), 10000);
        QVERIFY2(run.endWell(), run.host.output().constData());
        QCOMPARE(m_server.wrongTrades(run.exchange), QString());
    }

private:
    static void addModes()
    {
        QTest::addColumn<QString>("mode");
        for (const char *mode : {"upsert", "append"})
            QTest::newRow(mode) << QString(mode);
    }

    // The program and an exchange that makes 500 trades a second.
    class Run
    {
    public:
        Run(const SqlServer &server, const QString &mode, const QString &urlOptions = {})
            : m_url(server.url() + urlOptions)
            , m_mode(mode)
        {}

        bool start()
        {
            return exchange.begin({"--generate", "5", "--symbols", "BTCUSDT", "--rate", "500"}) &&
                   host.runText(
                       QString::fromLatin1(pipelineText).arg(exchange.ws, exchange.rest, m_url, m_mode));
        }
        // Until trades are stored.
        bool begin()
        {
            return start() && QTest::qWaitFor([this] { return stored() > 200; }, 20000);
        }
        bool endWell() { return host.endWell() && !host.output().contains("abandon"); }

        QString state() { return host.node(QStringLiteral("db"))["state"].toString(); }
        qint64 stored() { return host.node(QStringLiteral("db"))["records_out"].toInteger(); }

    private:
        QTemporaryDir m_folder;
        QString m_url;
        QString m_mode;

    public:
        ExchangeProgram exchange;
        HostProgram host{m_folder.path()};
    };

    SqlServer m_server;
};

QTEST_GUILESS_MAIN(tst_SqlOutage)

#include "tst_sql_outage.moc"
