// SPDX-License-Identifier: Apache-2.0
#include "programs.h"

using namespace tidemill::testing;

// pipelines/binance-signals.yaml as it is shipped, into both databases: the tables and columns that readers
// of the service know which it replaces.
class tst_BinanceSignals : public QObject
{
    Q_OBJECT

private slots:
    void storesWhatReadersKnow_data()
    {
        QTest::addColumn<QString>("url");

        QTest::newRow("SQLite") << QStringLiteral("sqlite:signals.db");
        QTest::newRow("PostgreSQL") << qEnvironmentVariable("TIDEMILL_TEST_POSTGRES_URL");
    }

    void storesWhatReadersKnow()
    {
        QFETCH(QString, url);
        if (url.isEmpty())
            QSKIP("no PostgreSQL server to test with");
        m_isPostgres = url.startsWith(QLatin1String("postgresql"));
        m_url = url;
        QTemporaryDir folder;
        m_folder = folder.path();
        if (m_isPostgres) {
            // A schema of this test's own: other tests use the same database.
            query(QStringLiteral("DROP SCHEMA IF EXISTS signals_test CASCADE; CREATE SCHEMA signals_test"));
            m_url += QStringLiteral("?options=-csearch_path%3Dsignals_test");
        }
        ExchangeProgram exchange;
        QVERIFY(exchange.begin(
            {"--generate", "3", "--symbols", "BTCUSDT", "--rate", "1000", "--depth-interval", "1ms"}));
        HostProgram host(folder.path());
        host.setEnvironment(QStringLiteral("BINANCE_WS_URL"), exchange.ws);
        host.setEnvironment(QStringLiteral("BINANCE_REST_URL"), exchange.rest);
        host.setEnvironment(QStringLiteral("DATABASE_URL"), m_url);
        QVERIFY2(host.runFile(sourceFile(QStringLiteral("pipelines/binance-signals.yaml"))),
                 host.output().constData());
        QVERIFY2(host.waitForOutput(QStringLiteral("Signal close BTCUSDT"), 60000).hasMatch(),
                 host.output().constData());
        QVERIFY2(host.endWell(), host.output().constData());

        QVERIFY(query(QStringLiteral("SELECT count(*) FROM prices")).toInt() >= 200);
        QCOMPARE(query(QStringLiteral(
                     "SELECT count(*) FROM prices WHERE id IS NULL OR timestamp IS NULL OR wap IS NULL")),
                 "0");
        // The double is the exact price, rounded once.
        const QByteArrayList price =
            query(QStringLiteral("SELECT wap, price FROM prices ORDER BY id LIMIT 1")).split('|');
        QCOMPARE(price[0].toDouble(), price[1].toDouble());

        QVERIFY(query(QStringLiteral("SELECT count(*) FROM orders WHERE status = 'closed' AND side = 'long'"))
                    .toInt() >= 1);
        QVERIFY(query(QStringLiteral("SELECT count(*) FROM orders WHERE status = 'open'")).toInt() <= 1);
        QCOMPARE(query(QStringLiteral(
                     "SELECT count(*) FROM orders WHERE created_at IS NULL OR updated_at < created_at")),
                 "0");
        QCOMPARE(query(QStringLiteral("SELECT DISTINCT details FROM orders")), "Opened on SMA crossover");

        const QByteArray open = query(QStringLiteral(
            "SELECT details FROM trading_signals WHERE signal_type = 'open' ORDER BY id LIMIT 1"));
        const QJsonObject details = QJsonDocument::fromJson(open).object();
        QCOMPARE(details["signal"].toString(), QStringLiteral("open"));
        QVERIFY2(details["price"].isDouble() &&
                     details["sma_short"].toDouble() > details["sma_long"].toDouble(),
                 open.constData());
        QVERIFY(!details["timestamp"].toString().isEmpty());
        QCOMPARE(details["details"].toString(), QStringLiteral("Opened on SMA crossover"));
    }

private:
    // Columns apart by '|', as psql prints them.
    QByteArray query(const QString &sql)
    {
        int exitCode = -1;
        QByteArray output;
        if (m_isPostgres) {
            output = outputOf(
                QStringLiteral("psql"),
                {m_url, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", "SET client_min_messages TO error; " + sql},
                &exitCode);
        } else {
            const QString script =
                QStringLiteral("import sqlite3, sys\n"
                               "for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]):\n"
                               "    print('|'.join(str(field) for field in row))\n");
            output =
                outputOf(QStringLiteral("python3"), {"-c", script, m_folder + "/signals.db", sql}, &exitCode);
        }
        return exitCode == 0 ? output.trimmed() : "query failed: " + output;
    }

    bool m_isPostgres = false;
    QString m_url;
    QString m_folder;
};

QTEST_GUILESS_MAIN(tst_BinanceSignals)

#include "tst_binance_signals.moc"
