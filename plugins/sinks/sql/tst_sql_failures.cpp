// SPDX-License-Identifier: Apache-2.0
#include "test_database.h"

#include <QDir>
#include <QFile>
#include <QProcess>
#include <QRegularExpression>
#include <QScopeGuard>
#include <QThread>

using namespace tidemill;

namespace {

BatchPtr trades(qint64 firstId, int count, const char *price = "45123.50")
{
    BatchBuilder<Trade> builder;
    for (int i = 0; i < count; ++i)
        builder.append({.exchange = "binance"_sym,
                        .symbol = "BTCUSDT"_sym,
                        .trade_id = firstId + i,
                        .price = *Decimal::parse(price),
                        .quantity = "1"_dec});
    return builder.finish();
}

BatchPtr gaps(std::initializer_list<QByteArrayView> reasons)
{
    BatchBuilder<Gap> builder;
    for (const QByteArrayView reason : reasons) {
        const Text text = builder.text(reason);
        builder.append({.exchange = "binance"_sym, .ts_from = {builder.size() + 1}, .reason = text});
    }
    return builder.finish();
}

} // namespace

class tst_SqlFailures : public QObject
{
    Q_OBJECT

private slots:
    void init() { QTest::failOnWarning(QRegularExpression(".")); }

    void waitsForAFolderThatCannotBeUsed()
    {
        QTemporaryDir folder;
        QFile inTheWay(folder.filePath("data"));
        QVERIFY(inTheWay.open(QIODevice::WriteOnly));
        const QString file = folder.filePath("data/trades.db");
        TestSink sink("sqlite:" + file);

        for (int i = 0; i < 2; ++i) {
            QVERIFY(!sink.write({trades(1, 2)}));
            QCOMPARE(sink.error().kind, Error::Kind::Storage);
            QVERIFY2(sink.error().message.contains(file), qPrintable(sink.error().message));
        }
        QVERIFY(inTheWay.remove());

        QVERIFY2(sink.write({trades(1, 2)}), qPrintable(sink.error().message));
    }

    void refusesAFileThatIsNoDatabase()
    {
        QTemporaryDir folder;
        QFile file(folder.filePath("trades.db"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(QByteArray(4096, 'x'));
        file.close();
        TestSink sink("sqlite:" + file.fileName());

        QVERIFY(!sink.write({trades(1, 2)}));

        QVERIFY2(sink.error().message.contains("not a database"), qPrintable(sink.error().message));
        QCOMPARE(file.size(), 4096);
    }

    void startsWhileTheServerIsAway()
    {
        TestSink sink("postgresql://user:ge%20h'eim@127.0.0.1:1/db"); // nobody listens there

        QVERIFY(!sink.write({trades(1, 2)}));

        QCOMPARE(sink.error().kind, Error::Kind::Network);
        QVERIFY2(sink.error().message.contains("127.0.0.1"), qPrintable(sink.error().message));
        QVERIFY2(!sink.error().message.contains("eim"), qPrintable(sink.error().message));
    }

    void comesBackWhenTheConnectionIsLost()
    {
        if (!TestDatabase::hasPostgres())
            QSKIP("needs TIDEMILL_TEST_POSTGRES_URL");
        TestDatabase database("postgresql");
        TestSink sink(database.url());
        QVERIFY(sink.write({trades(1, 10)}));
        database.execute(
            QStringLiteral(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '%1'")
                .arg(database.applicationName()));

        QVERIFY(!sink.write({trades(11, 10)}));
        QCOMPARE(sink.error().kind, Error::Kind::Network);

        QVERIFY2(sink.write({trades(11, 10)}), qPrintable(sink.error().message));
        QCOMPARE(database.value("SELECT count(*), min(trade_id), max(trade_id) FROM trade"), "20|1|20");
    }

    // The backend dies with half of the group in its hands.
    void keepsNothingOfAGroupThatWasCutOff()
    {
        if (!TestDatabase::hasPostgres())
            QSKIP("needs TIDEMILL_TEST_POSTGRES_URL");
        TestDatabase database("postgresql");
        TestSink sink(database.url());
        QVERIFY(sink.write({trades(1, 1), gaps({"first"})}));
        database.execute(
            "CREATE FUNCTION die() RETURNS trigger AS $$ BEGIN IF NEW.trade_id = 7777 THEN "
            "PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$ LANGUAGE plpgsql");
        database.execute("CREATE TRIGGER die BEFORE INSERT ON trade FOR EACH ROW EXECUTE FUNCTION die()");
        const QList<BatchPtr> group{gaps({"second"}), trades(2, 5000), trades(5002, 5000)};

        for (int i = 0; i < 2; ++i) {
            QVERIFY(!sink.write(group));
            QCOMPARE(sink.error().kind, Error::Kind::Network);
            QCOMPARE(database.value("SELECT count(*) FROM trade"), "1");
            QCOMPARE(database.value("SELECT reason FROM gap"), "first");
        }
        database.execute("DROP TRIGGER die ON trade");

        QVERIFY2(sink.write(group), qPrintable(sink.error().message));
        QCOMPARE(database.value("SELECT count(*), min(trade_id), max(trade_id) FROM trade"), "10001|1|10001");
    }

    // All processes at once, as in a power cut.
    void comesBackWhenTheServerWasKilled()
    {
        const QString script = qEnvironmentVariable("TIDEMILL_TEST_PGCTL");
        if (script.isEmpty())
            QSKIP("needs TIDEMILL_TEST_PGCTL");
        const QString folder = QStringLiteral("%1/tst_sql_failures-%2")
                                   .arg(QDir::tempPath())
                                   .arg(QCoreApplication::applicationPid());
        const auto control = [&](const char *command, QString *output = nullptr) {
            QProcess process;
            process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
            process.start(script, {command, folder});
            const bool ended = process.waitForFinished(90'000) && process.exitCode() == 0;
            if (output)
                *output = QString::fromUtf8(process.readAllStandardOutput()).trimmed();
            return ended;
        };
        const auto remove = qScopeGuard([&control] { control("remove"); });
        QString url;
        QVERIFY(control("start", &url));
        TestSink sink(url);
        QVERIFY2(sink.write({trades(1, 10)}), qPrintable(sink.error().message));

        QVERIFY(control("kill"));
        for (int i = 0; i < 2; ++i) {
            QVERIFY(!sink.write({trades(11, 10)}));
            QCOMPARE(sink.error().kind, Error::Kind::Network);
        }
        QVERIFY(control("start"));

        QVERIFY2(sink.write({trades(11, 10)}), qPrintable(sink.error().message));
        TestDatabase database("postgresql", url);
        QCOMPARE(database.value("SELECT count(*), min(trade_id), max(trade_id) FROM public.trade"),
                 "20|1|20");
    }

    void makesADeletedFileAgain()
    {
        QTemporaryDir folder;
        const QString file = folder.filePath("trades.db");
        TestSink sink("sqlite:" + file);
        QVERIFY(sink.write({trades(1, 1), testing::batch({Quote{}})}));
        for (const char *suffix : {"", "-wal", "-shm"})
            QFile::remove(file + suffix);

        QVERIFY2(sink.write({trades(2, 1)}), qPrintable(sink.error().message));
        QVERIFY2(sink.write({testing::batch({Quote{}})}), qPrintable(sink.error().message));

        QVERIFY(QFile::exists(file));
    }

    void makesADroppedTableAgain_data() { TestDatabase::addBackends(); }

    void makesADroppedTableAgain()
    {
        QFETCH(QString, backend);
        TestDatabase database(backend);
        TestSink sink(database.url());
        QVERIFY(sink.write({trades(1, 1)}));
        database.execute("DROP TABLE trade");

        QVERIFY2(sink.write({trades(2, 1)}), qPrintable(sink.error().message));
        QCOMPARE(database.value("SELECT trade_id FROM trade"), "2");
    }

    void leavesOutOnlyTheBadRows_data() { TestDatabase::addModes(); }

    void leavesOutOnlyTheBadRows()
    {
        QFETCH(QString, backend);
        QFETCH(QString, mode);
        TestDatabase database(backend);
        TestSink sink(database.url(), {{"mode", mode}});
        QVERIFY(sink.write({trades(0, 1)}));
        if (database.isPostgres())
            database.execute("ALTER TABLE trade ADD CHECK (trade_id NOT IN (1, 777, 778, 1000))");
        else
            database.execute(
                "CREATE TRIGGER t BEFORE INSERT ON trade WHEN NEW.trade_id IN (1, 777, 778, 1000) "
                "BEGIN SELECT RAISE(ABORT, 'not this one'); END");
        const BatchPtr quote = testing::batch({Quote{}});

        QVERIFY(!sink.write({trades(1, 600), quote, trades(601, 400)}));

        QVERIFY(sink.failed->isEmpty());
        QCOMPARE(testing::batches(*sink.delivered), QList<BatchPtr>{quote});
        QStringList rows = sink.badRows();
        for (QString &row : rows)
            row = row.section(": ", 0, 1) + (row.endsWith('?') ? "?" : "");
        QCOMPARE(rows,
                 (QStringList{"0: table trade", "176: table trade", "177: table trade", "399: table trade"}));
        QCOMPARE(database.value("SELECT count(*), min(trade_id), max(trade_id) FROM trade"), "997|0|999");
        QCOMPARE(database.value("SELECT count(*) FROM quote"), "1");
    }

    // Nobody should wait for thousands of statements: what was not looked into comes again.
    void doesNotSearchForEver()
    {
        if (!TestDatabase::hasPostgres())
            QSKIP("needs TIDEMILL_TEST_POSTGRES_URL");
        TestDatabase database("postgresql");
        TestSink sink(database.url());
        QVERIFY(sink.write({trades(0, 1)}));
        database.execute("ALTER TABLE trade ADD CHECK (trade_id = 0 OR trade_id > 3000)");

        QVERIFY(!sink.write({trades(1, 5000)}));

        const QStringList rows = sink.badRows();
        const auto comesAgain = [](const QString &row) { return row.endsWith('?'); };
        const qsizetype again = std::count_if(rows.begin(), rows.end(), comesAgain);
        QVERIFY2(again > 1000 && again < 4700, qPrintable(QString::number(again)));
        QVERIFY2(rows.size() - again > 300, qPrintable(QString::number(rows.size())));
        QCOMPARE(database.value("SELECT count(*) FROM trade").toInt(), 1 + 5000 - int(rows.size()));
    }

    void leavesOutTextWithNulInPostgres_data() { TestDatabase::addPostgresModes(); }

    void leavesOutTextWithNulInPostgres()
    {
        if (!TestDatabase::hasPostgres())
            QSKIP("needs TIDEMILL_TEST_POSTGRES_URL");
        QFETCH(QString, mode);
        TestDatabase database("postgresql");
        TestSink sink(database.url(), {{"mode", mode}});

        QVERIFY(!sink.write({gaps({"a", QByteArrayView("b\0c", 3), "d", "x\xFFy"})}));

        QCOMPARE(sink.badRows(), QStringList("1: table gap: the column reason cannot hold a NUL character"));
        QCOMPARE(database.rows("SELECT reason FROM gap ORDER BY ts_from"),
                 (QStringList{"a", "d", QString("x%1y").arg(QChar(QChar::ReplacementCharacter))}));
    }

    // Rounding would go unnoticed.
    void leavesOutDigitsThatDoNotFit_data() { TestDatabase::addPostgresModes(); }

    void leavesOutDigitsThatDoNotFit()
    {
        if (!TestDatabase::hasPostgres())
            QSKIP("needs TIDEMILL_TEST_POSTGRES_URL");
        QFETCH(QString, mode);
        TestDatabase database("postgresql");
        TestSink sink(database.url(), {{"mode", mode}});
        QVERIFY(sink.write({trades(1, 1)}));
        database.execute("ALTER TABLE trade ALTER price TYPE numeric(10, 2)"); // the sink is running

        QVERIFY(!sink.write({trades(2, 1, "0.12"), trades(3, 1, "0.125"), trades(4, 1, "0.120")}));
        QCOMPARE(sink.badRows(), QStringList("0: table trade: the column price cannot hold 0.125, which has "
                                             "more than 2 digits behind the point"));
        QVERIFY(!sink.write({trades(5, 1, "123456789.00")})); // too large: the server says so
        QVERIFY2(sink.badRows().value(0).contains("numeric field overflow"),
                 qPrintable(sink.badRows().join('\n')));

        QCOMPARE(database.rows("SELECT trade_id, price FROM trade ORDER BY trade_id"),
                 (QStringList{"1|45123.50", "2|0.12", "4|0.12"}));
    }

    void worksOnAThreadOfItsOwn_data() { TestDatabase::addBackends(); }

    void worksOnAThreadOfItsOwn()
    {
        QFETCH(QString, backend);
        TestDatabase database(backend);
        auto created = testing::create<Sink>("sql", {{"url", database.url()}});
        TIDEMILL_VERIFY(created);
        Sink *sink = created->release();
        int delivered = 0;
        QThread thread;
        sink->moveToThread(&thread);
        connect(&thread, &QThread::started, sink, [sink, &delivered, &thread] {
            connect(sink, &Sink::delivered, sink, [&delivered] { ++delivered; });
            if (sink->start()) {
                sink->receive(trades(1, 3));
                sink->flush();
            }
            StopThenDelete()(sink);
            thread.quit();
        });

        thread.start();

        QVERIFY(thread.wait(30'000));
        QCOMPARE(delivered, 1);
        QCOMPARE(database.value("SELECT count(*) FROM trade"), "3");
    }
};

QTEST_GUILESS_MAIN(tst_SqlFailures)

#include "tst_sql_failures.moc"
