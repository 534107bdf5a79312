// SPDX-License-Identifier: Apache-2.0
#include "host/spool/spool.h"
#include "truth.h"

#include <tidemill/testing.h>

#include <QRandomGenerator>

using namespace tidemill::testing;

namespace {

constexpr auto pipelineText = R"(name: killed
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
    url: "sqlite:trades.db"
    buffer: { type: disk }
    queue: { rows: 50 }
)";

constexpr int kills = 10;

} // namespace

// kill -9 at any moment: what a spool had taken is stored once, by a later run.
class tst_SpoolKill : public QObject
{
    Q_OBJECT

private slots:
    void losesNothingThatWasTaken()
    {
        if (QStandardPaths::findExecutable(QStringLiteral("sqlite3")).isEmpty())
            QSKIP("no sqlite3 is installed");
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(exchange.begin({"--generate", "21", "--symbols", "BTCUSDT", "--rate", "500"}));
        const QString pipeline = QString::fromLatin1(pipelineText).arg(exchange.ws, exchange.rest);
        QRandomGenerator random(7);

        for (int kill = 0; kill < kills; ++kill) {
            HostProgram host(folder.path());
            QVERIFY2(host.runText(pipeline), host.output().constData());
            const int wanted = 20 + int(random.bounded(300));
            // Every other time the store takes nothing, so that the spool alone has what came.
            QProcess holder;
            if (kill % 2 == 1)
                hold(holder, folder.filePath("trades.db"));
            QTRY_VERIFY_WITH_TIMEOUT(
                host.node(QStringLiteral("binance"))["records_out"].toInteger() >= wanted, 20000);
            host.signal(SIGKILL);
            QVERIFY(host.waitForEnd());
            int exitCode = -1;
            const QByteArray verified =
                outputOf(builtProgram("tidemill"), {"spool", "verify", folder.filePath("state")}, &exitCode);
            QVERIFY2(exitCode == 0, verified.constData());
            noteSpooled(folder.filePath("state/killed/db/spool/binance"));
            holder.closeWriteChannel();
            QVERIFY(holder.state() == QProcess::NotRunning || holder.waitForFinished());
            const TradesById stored = storedTrades(folder.filePath("trades.db"));
            for (auto trade = m_taken.begin(); trade != m_taken.end(); ++trade)
                m_onlySpooled += stored.contains(trade.key()) ? 0 : 1;
        }
        HostProgram host(folder.path());
        QVERIFY2(host.runText(pipeline), host.output().constData());
        QTRY_VERIFY_WITH_TIMEOUT(host.node(QStringLiteral("binance"))["records_out"].toInteger() > 100,
                                 20000);
        QVERIFY2(host.endWell(), host.output().constData());

        const TradesById truth = tradesOf(exchange, QStringLiteral("BTCUSDT"));
        const TradesById stored = storedTrades(folder.filePath("trades.db"));
        QVERIFY(!QTest::currentTestFailed());
        for (auto trade = stored.begin(); trade != stored.end(); ++trade)
            QCOMPARE(trade.value(), truth.value(trade.key()));
        // A host that is away misses what the exchange sends meanwhile: one hole for each absence, no other.
        QVERIFY2(holes(stored) <= kills, qPrintable(QString::number(holes(stored))));
        QVERIFY(stored.size() > 20 * kills);
        QCOMPARE(host.output().count("abandon"), 0);
        int exitCode = -1;
        const QByteArray listed = outputOf(
            builtProgram("tidemill"), {"spool", "ls", "--state-dir", folder.filePath("state")}, &exitCode);
        QCOMPARE(exitCode, 0);
        QVERIFY2(listed.contains(" 0 records unconfirmed"), listed.constData());
        // Kills must have come between taking and storing, or nothing was shown here.
        QVERIFY2(m_onlySpooled > 50, qPrintable(QString::number(m_onlySpooled)));
        for (auto trade = m_taken.begin(); trade != m_taken.end(); ++trade)
            QCOMPARE(stored.value(trade.key()), trade.value());
    }

    void theCommandFindsDamage()
    {
        QTemporaryDir folder;
        const QString spool = folder.filePath("p/s/spool/in");
        {
            auto opened = tidemill::host::Spool::open(spool, {});
            TIDEMILL_VERIFY(opened);
            TIDEMILL_VERIFY((*opened)->append(*batch({tidemill::Trade{.trade_id = 1}}), false));
            TIDEMILL_VERIFY((*opened)->append(*batch({tidemill::Trade{.trade_id = 2}}), false));
        }
        int exitCode = -1;
        QByteArray output = outputOf(builtProgram("tidemill"), {"spool", "ls", folder.path()}, &exitCode);
        QCOMPARE(exitCode, 0);
        QVERIFY2(output.contains("2 records unconfirmed") && output.contains("trade 2"), output.constData());
        output = outputOf(builtProgram("tidemill"), {"spool", "verify", folder.path()}, &exitCode);
        QCOMPARE(exitCode, 0);
        QVERIFY2(output.contains("good"), output.constData());

        QFile segment(tidemill::host::spoolSegmentFiles(spool).value(0));
        QVERIFY(segment.open(QIODevice::ReadWrite));
        QVERIFY(segment.seek(100)); // in the schema, so more than the end is hit
        QVERIFY(segment.putChar('\x7f'));
        segment.close();

        output = outputOf(builtProgram("tidemill"), {"spool", "verify", folder.path()}, &exitCode);
        QCOMPARE(exitCode, 1);
        QVERIFY2(output.contains("are damaged"), output.constData());
        output = outputOf(builtProgram("tidemill"), {"spool", "mend", folder.path()}, &exitCode);
        QCOMPARE(exitCode, 2);
    }

private:
    // A lock on the database, held until the process's input is closed.
    static void hold(QProcess &holder, const QString &database)
    {
        holder.start(QStringLiteral("sqlite3"), {database});
        QVERIFY(holder.waitForStarted());
        holder.write(".timeout 5000\nBEGIN EXCLUSIVE;\nSELECT 'held';\n");
        QTRY_VERIFY_WITH_TIMEOUT(holder.bytesAvailable() > 0, 10000);
        QVERIFY(holder.readAll().contains("held"));
    }

    // What the spool gives after this kill, from a copy: it must all be stored in the end.
    void noteSpooled(const QString &spool)
    {
        QTemporaryDir copy;
        for (const QString &name : QDir(spool).entryList(QDir::Files))
            QVERIFY(QFile::copy(spool + '/' + name, copy.filePath(name)));
        auto opened = tidemill::host::Spool::open(copy.path(), {});
        TIDEMILL_VERIFY(opened);
        while ((*opened)->hasUnread()) {
            const auto read = (*opened)->readNext();
            QCOMPARE(read.lostRows, quint64(0));
            QVERIFY(read.batch);
            for (const tidemill::Trade &trade : read.batch->rows<tidemill::Trade>())
                m_taken.insert(trade.trade_id, trade.price.toString() + ' ' + trade.quantity.toString());
        }
    }

    static int holes(const TradesById &stored)
    {
        int count = 0;
        qint64 previous = stored.isEmpty() ? 0 : stored.firstKey() - 1;
        for (auto trade = stored.begin(); trade != stored.end(); ++trade) {
            count += trade.key() != previous + 1 ? 1 : 0;
            previous = trade.key();
        }
        return count;
    }

    // Fails the test when an id is there twice.
    static TradesById storedTrades(const QString &path)
    {
        TradesById trades;
        int exitCode = -1;
        const QByteArray rows =
            outputOf(QStringLiteral("sqlite3"),
                     {path, "SELECT trade_id || ' ' || price || ' ' || quantity FROM trade"}, &exitCode);
        if (exitCode != 0)
            qWarning("sqlite3: %s", rows.constData());
        for (const QByteArray &row : rows.split('\n')) {
            const qsizetype space = row.indexOf(' ');
            if (space <= 0)
                continue;
            const qint64 id = row.first(space).toLongLong();
            if (trades.contains(id))
                QTest::qFail(("a trade is there twice: " + row).constData(), __FILE__, __LINE__);
            trades.insert(id, row.sliced(space + 1));
        }
        return trades;
    }

    qint64 m_onlySpooled = 0;
    TradesById m_taken; // unconfirmed when the host was killed
};

QTEST_GUILESS_MAIN(tst_SpoolKill)

#include "tst_spool_kill.moc"
