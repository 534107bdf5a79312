// SPDX-License-Identifier: Apache-2.0
#include "host/spool/spool.h"
#include "truth.h"

#include <tidemill/testing.h>

#include <QElapsedTimer>

using namespace tidemill::testing;

namespace {

const QString load = QStringLiteral(TIDEMILL_BUILD_DIR "/tests/plugins/load");

constexpr auto source = R"(name: load
sources:
  binance: { type: binance, url: '%1', rest_url: '%2', symbols: [BTCUSDT], streams: [trade] }
sinks:
)";

constexpr auto stores =
    R"(  db: { type: sql, inputs: [binance], url: "sqlite:trades.db", queue: { policy: spool, rows: 500 } }
  file: { type: jsonl, inputs: [binance], path: trades.jsonl }
)";

// Works on each record for so many microseconds.
constexpr auto slow = "  slow: { type: slow_sink, inputs: [binance], work: %1 }\n";

} // namespace

// SIGTERM while the exchange sends as fast as it is read.
class tst_Shutdown : public QObject
{
    Q_OBJECT

private slots:
    void endsInTimeAndLosesNothingThatWasTaken_data()
    {
        QTest::addColumn<bool>("databaseIsHeld");

        QTest::newRow("the database keeps up as it can") << false;
        QTest::newRow("the database takes nothing more") << true;
    }

    void endsInTimeAndLosesNothingThatWasTaken()
    {
        QFETCH(bool, databaseIsHeld);
        if (QStandardPaths::findExecutable(QStringLiteral("sqlite3")).isEmpty())
            QSKIP("no sqlite3 is installed");
        QTemporaryDir folder;
        ExchangeProgram exchange;
        HostProgram host(folder.path());
        begin(exchange, host, QLatin1String(stores), {"--drain", "3s"});
        QTRY_VERIFY_WITH_TIMEOUT(host.node(QStringLiteral("db"))["records_out"].toInteger() > 2000, 20000);
        QProcess holder;
        if (databaseIsHeld)
            hold(holder, folder.filePath("trades.db"));
        const qint64 before = emitted(host);
        QTRY_VERIFY_WITH_TIMEOUT(emitted(host) > before + 5000, 20000);

        QElapsedTimer time;
        time.start();
        QVERIFY2(host.endWell(), host.output().constData());
        const qint64 tookMs = time.elapsed();
        holder.closeWriteChannel();
        QVERIFY(holder.state() == QProcess::NotRunning || holder.waitForFinished());

        // Beyond the drain limit: what a busy machine takes to stop the nodes, and SQLite's wait for a lock.
        QVERIFY2(tookMs < 3000 + 8000, qPrintable(QString::number(tookMs)));
        const qint64 collected = figure(host, QStringLiteral("load\\.binance: emitted (\\d+)"));
        const QMap<qint64, int> stored = idsIn(folder.filePath("trades.db"));
        const QMap<qint64, int> spooled = idsInSpool(folder.filePath("state/load/db/spool/binance"));
        const QMap<qint64, int> written = idsInLines(folder.filePath("trades.jsonl"));
        qInfo("%lld records collected; in the database %lld, in the spool %lld, in the file %lld; ended %lld "
              "ms after "
              "SIGTERM",
              collected, qint64(stored.size()), qint64(spooled.size()), qint64(written.size()), tookMs);
        QVERIFY(!QTest::currentTestFailed());
        QVERIFY(collected > 7000);
        QCOMPARE(qint64(written.size()), collected);
        QCOMPARE(missingIn(written), 0);
        QMap<qint64, int> kept = stored;
        kept.insert(spooled);
        QCOMPARE(kept.keys(), written.keys());
        QCOMPARE(figure(host, QStringLiteral("load\\.db: received .* queued (\\d+)")),
                 qint64(spooled.size()));
        if (databaseIsHeld)
            QVERIFY(!spooled.isEmpty());
    }

    void aSecondSignalEndsAtOnce()
    {
        QTemporaryDir folder;
        ExchangeProgram exchange;
        HostProgram host(folder.path());
        // What is in the queue would take it a minute.
        begin(exchange, host, QString::fromLatin1(slow).arg(5000), {"--drain", "60s", "--plugin-path", load});
        QTRY_VERIFY_WITH_TIMEOUT(host.node(QStringLiteral("slow"))["records_queued"].toInteger() > 5000,
                                 20000);

        host.signal(SIGTERM);
        QVERIFY(host.waitForOutput(QStringLiteral("stopping")).hasMatch());
        QVERIFY(host.isRunning());
        QElapsedTimer time;
        time.start();
        host.signal(SIGTERM);

        QVERIFY(host.waitForEnd(5000));
        QVERIFY2(time.elapsed() < 2000, qPrintable(QString::number(time.elapsed())));
        QCOMPARE(host.exitCode(), 128 + SIGTERM);
    }

    void aSinkThatNeverReturnsDoesNotPreventIt()
    {
        QTemporaryDir folder;
        ExchangeProgram exchange;
        HostProgram host(folder.path());
        begin(exchange, host, QString::fromLatin1(slow).arg(3'600'000'000LL),
              {"--drain", "200ms", "--plugin-path", load});
        QTRY_VERIFY_WITH_TIMEOUT(host.node(QStringLiteral("slow"))["records_queued"].toInteger() > 0, 20000);

        QElapsedTimer time;
        time.start();
        host.signal(SIGTERM);

        // 10 s beyond the drain limit.
        QVERIFY2(host.waitForEnd(25000), host.output().constData());
        QVERIFY2(time.elapsed() < 20000, qPrintable(QString::number(time.elapsed())));
        QCOMPARE(host.exitCode(), 1);
        QVERIFY2(host.output().contains("ending the process, which has not ended in 10.2 s"),
                 host.output().constData());
    }

private:
    static void begin(ExchangeProgram &exchange, HostProgram &host, const QString &sinks,
                      const QStringList &flags)
    {
        QVERIFY(exchange.begin({"--generate", "9", "--symbols", "BTCUSDT", "--flood"}));
        QVERIFY2(host.runText(QString::fromLatin1(source).arg(exchange.ws, exchange.rest) + sinks, flags),
                 host.output().constData());
    }

    static qint64 emitted(HostProgram &host)
    {
        return host.node(QStringLiteral("binance"))["records_out"].toInteger();
    }

    // What the host said at its end; -1 if it did not.
    static qint64 figure(const HostProgram &host, const QString &pattern)
    {
        const auto match = QRegularExpression(pattern).match(QString::fromUtf8(host.output()));
        return match.hasMatch() ? match.captured(1).toLongLong() : -1;
    }

    // A lock on the database, held until the process's input is closed.
    static void hold(QProcess &holder, const QString &database)
    {
        holder.start(QStringLiteral("sqlite3"), {database});
        QVERIFY(holder.waitForStarted());
        holder.write(".timeout 20000\nBEGIN EXCLUSIVE;\nSELECT 'held';\n");
        QTRY_VERIFY_WITH_TIMEOUT(holder.bytesAvailable() > 0, 25000);
        QVERIFY(holder.readAll().contains("held"));
    }

    // The ids, once each; one that is there twice fails the test.
    static void add(QMap<qint64, int> &ids, qint64 id)
    {
        if (ids.contains(id))
            QTest::qFail(qPrintable(QStringLiteral("trade %1 is there twice").arg(id)), __FILE__, __LINE__);
        ids.insert(id, 0);
    }

    static QMap<qint64, int> idsIn(const QString &database)
    {
        QMap<qint64, int> ids;
        int exitCode = -1;
        const QByteArray rows =
            outputOf(QStringLiteral("sqlite3"), {database, "SELECT trade_id FROM trade"}, &exitCode);
        if (exitCode != 0)
            qWarning("sqlite3: %s", rows.constData());
        for (const QByteArray &row : rows.split('\n')) {
            if (!row.isEmpty())
                add(ids, row.toLongLong());
        }
        return ids;
    }

    static QMap<qint64, int> idsInSpool(const QString &spool)
    {
        QMap<qint64, int> ids;
        auto opened = tidemill::host::Spool::open(spool, {});
        if (!opened) {
            QTest::qFail(qPrintable(opened.error().message), __FILE__, __LINE__);
            return ids;
        }
        while ((*opened)->hasUnread()) {
            const auto read = (*opened)->readNext();
            if (read.lostRows != 0)
                QTest::qFail("the spool is damaged", __FILE__, __LINE__);
            if (!read.batch)
                break;
            for (const tidemill::Trade &trade : read.batch->rows<tidemill::Trade>())
                add(ids, trade.trade_id);
        }
        return ids;
    }

    static QMap<qint64, int> idsInLines(const QString &path)
    {
        QMap<qint64, int> ids;
        QFile file(path);
        if (!file.open(QIODevice::ReadOnly))
            return ids;
        while (!file.atEnd())
            add(ids, QJsonDocument::fromJson(file.readLine()).object()["trade_id"].toInteger());
        return ids;
    }

    static qint64 missingIn(const QMap<qint64, int> &ids)
    {
        return ids.isEmpty() ? 0 : ids.lastKey() - ids.firstKey() + 1 - qint64(ids.size());
    }
};

QTEST_GUILESS_MAIN(tst_Shutdown)

#include "tst_shutdown.moc"
