// SPDX-License-Identifier: Apache-2.0
#include "truth.h"

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
    retry: { initial: 100ms, max: 1s }
)";

} // namespace

// A PostgreSQL server of this test's own goes away while trades come in. Afterwards no row may be missing and
// none double.
class tst_SqlOutage : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        QVERIFY(m_folder.isValid());
        m_cluster = m_folder.filePath(QStringLiteral("cluster"));
        // The server's account must be able to reach its folder.
        QVERIFY(QFile::setPermissions(m_folder.path(), QFile::permissions(m_folder.path()) | QFile::ExeOther |
                                                           QFile::ReadOther));
        int exitCode = -1;
        outputOf(sourceFile(QStringLiteral(".ci/pgctl.sh")), {"bindir"}, &exitCode);
        if (exitCode != 0)
            QSKIP("no PostgreSQL server is installed");
        QVERIFY(control({"start", m_cluster}));
        QVERIFY(!m_url.isEmpty());
    }

    void cleanupTestCase()
    {
        if (!m_url.isEmpty())
            control({"remove", m_cluster});
    }

    void losesNothingWhileTheDatabaseIsAway_data()
    {
        QTest::addColumn<QString>("command");
        QTest::addColumn<int>("seconds");

        QTest::newRow("stopped for ten seconds") << "stop" << 10;
        QTest::newRow("crashed") << "kill" << 1;
    }

    void losesNothingWhileTheDatabaseIsAway()
    {
        QFETCH(QString, command);
        QFETCH(int, seconds);
        QVERIFY(query(QStringLiteral("DROP TABLE IF EXISTS trade")).isEmpty());
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(exchange.begin({"--generate", "5", "--symbols", "BTCUSDT", "--rate", "500"}));
        HostProgram host(folder.path());
        QVERIFY2(host.runText(QString::fromLatin1(pipelineText).arg(exchange.ws, exchange.rest, m_url)),
                 host.output().constData());
        QTRY_VERIFY_WITH_TIMEOUT(host.node(QStringLiteral("db"))["records_out"].toInteger() > 200, 20000);

        QVERIFY(control({command, m_cluster}));
        QElapsedTimer away;
        away.start();
        QTRY_COMPARE_WITH_TIMEOUT(host.node(QStringLiteral("db"))["state"].toString(),
                                  QStringLiteral("degraded"), 10000);
        // An operator sees what is wrong, and the source goes on.
        QVERIFY(!host.node(QStringLiteral("db"))["error"].toString().isEmpty());
        const qint64 before = host.node(QStringLiteral("binance"))["records_out"].toInteger();
        QTRY_VERIFY_WITH_TIMEOUT(away.hasExpired(seconds * 1000), (seconds + 1) * 1000);
        QVERIFY(host.node(QStringLiteral("binance"))["records_out"].toInteger() > before);
        // Trades come in meanwhile, so the figures need not all be of one moment.
        QTRY_COMPARE(figuresThatDoNotAddUp(host.get(QStringLiteral("/stats")).json()), QString());
        QVERIFY(control({"start", m_cluster}));

        QTRY_COMPARE_WITH_TIMEOUT(host.node(QStringLiteral("db"))["state"].toString(),
                                  QStringLiteral("running"), 20000);
        QVERIFY2(host.endWell(), host.output().constData());
        QVERIFY(!host.output().contains("abandon"));

        TradesById stored;
        for (const QByteArray &line :
             query(QStringLiteral("SELECT trade_id || ' ' || price || ' ' || quantity FROM trade"))
                 .split('\n')) {
            const qsizetype space = line.indexOf(' ');
            if (space > 0)
                stored.insert(line.first(space).toLongLong(), line.sliced(space + 1));
        }
        QCOMPARE(qint64(stored.size()), query(QStringLiteral("SELECT count(*) FROM trade")).toLongLong());
        QVERIFY(stored.size() > 200 + seconds * 300);
        QCOMPARE(wrongTrades(tradesOf(exchange, QStringLiteral("BTCUSDT")), stored), QString());
    }

    void startsBeforeTheDatabase()
    {
        QVERIFY(query(QStringLiteral("DROP TABLE IF EXISTS trade")).isEmpty());
        QVERIFY(control({"stop", m_cluster}));
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(exchange.begin({"--generate", "6", "--symbols", "BTCUSDT", "--rate", "200"}));
        HostProgram host(folder.path());
        QVERIFY2(host.runText(QString::fromLatin1(pipelineText).arg(exchange.ws, exchange.rest, m_url)),
                 host.output().constData());
        QTRY_COMPARE_WITH_TIMEOUT(host.node(QStringLiteral("db"))["state"].toString(),
                                  QStringLiteral("degraded"), 10000);

        QVERIFY(control({"start", m_cluster}));

        QTRY_VERIFY_WITH_TIMEOUT(host.node(QStringLiteral("db"))["records_out"].toInteger() > 100, 20000);
        QVERIFY2(host.endWell(), host.output().constData());
    }

private:
    bool control(const QStringList &arguments)
    {
        int exitCode = -1;
        const QByteArray output =
            outputOf(sourceFile(QStringLiteral(".ci/pgctl.sh")), arguments, &exitCode).trimmed();
        if (exitCode != 0)
            qWarning("pgctl %s: %s", qPrintable(arguments.join(QLatin1Char(' '))), output.constData());
        else if (output.startsWith("postgresql://"))
            m_url = QString::fromLatin1(output);
        return exitCode == 0;
    }

    // What psql prints, without decoration; its messages are no errors of ours.
    QByteArray query(const QString &sql)
    {
        int exitCode = -1;
        QByteArray output = outputOf(
            QStringLiteral("psql"),
            {m_url, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", "SET client_min_messages TO error; " + sql},
            &exitCode);
        return exitCode == 0 ? output.trimmed() : "psql failed: " + output;
    }

    QTemporaryDir m_folder;
    QString m_cluster;
    QString m_url;
};

QTEST_GUILESS_MAIN(tst_SqlOutage)

#include "tst_sql_outage.moc"
