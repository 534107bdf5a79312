// SPDX-License-Identifier: Apache-2.0
#include "host/pipeline_spools.h"

#include <tidemill/testing.h>

#include <QDir>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>

using namespace tidemill;
using namespace tidemill::host;

namespace {

QStringList said;

void listen(QtMsgType, const QMessageLogContext &, const QString &text)
{
    said.append(text);
}

// What is logged while it lives.
class Listening
{
public:
    Listening() : m_before(qInstallMessageHandler(listen)) { said.clear(); }
    ~Listening() { qInstallMessageHandler(m_before); }
    Q_DISABLE_COPY_MOVE(Listening)

private:
    QtMessageHandler m_before;
};

NodeDescription sinkNamed(const QString &name)
{
    NodeDescription sink;
    sink.name = name;
    sink.kind = NodeKind::Sink;
    sink.settings.queuePolicy = QueuePolicy::Spool;
    InputRef input;
    input.node = QStringLiteral("btc");
    sink.inputs = {input};
    return sink;
}

} // namespace

class tst_PipelineSpools : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_state = std::make_unique<QTemporaryDir>();
        m_pipeline.name = QStringLiteral("p");
        m_pipeline.nodes = {sinkNamed(QStringLiteral("db")), sinkNamed(QStringLiteral("archive"))};
        for (const NodeDescription &sink : std::as_const(m_pipeline.nodes)) {
            auto spool = open(sink);
            TIDEMILL_VERIFY(spool);
            TIDEMILL_VERIFY(
                (*spool)->append(*testing::batch({Trade{.trade_id = 1}, Trade{.trade_id = 2}}), false));
            TIDEMILL_VERIFY((*spool)->append(*testing::batch({Trade{.trade_id = 3}}), false));
        }
    }

    void saysWhatIsLeftAndFromWhichRun()
    {
        const Listening listening;
        const auto spool = open(m_pipeline.nodes[0]);

        TIDEMILL_VERIFY(spool);
        const QString text = said.join('\n');
        QVERIFY2(text.contains("db: 2 batches with 3 records were not confirmed in an earlier run"),
                 qPrintable(text));
        QVERIFY2(
            text.contains(QStringLiteral("process %1, begun 20").arg(QCoreApplication::applicationPid())),
            qPrintable(text));
        QVERIFY2(text.contains(m_state->filePath("p/db/spool/btc")), qPrintable(text));
    }

    void saysNothingWhenNothingIsLeft()
    {
        QDir(m_state->path()).removeRecursively();
        const Listening listening;
        TIDEMILL_VERIFY(open(m_pipeline.nodes[0]));
        warnOfStrandedSpools(m_state->path(), m_pipeline);
        QCOMPARE(said, QStringList());
    }

    void warnsOfWhatNobodyReads_data()
    {
        QTest::addColumn<QString>("change");

        QTest::newRow("the sink was taken out") << "sink";
        QTest::newRow("its input has another name") << "input";
        QTest::newRow("its policy is another one") << "policy";
    }

    void warnsOfWhatNobodyReads()
    {
        QFETCH(QString, change);
        {
            const Listening listening;
            warnOfStrandedSpools(m_state->path(), m_pipeline);
            QCOMPARE(said, QStringList());
        }
        if (change == QLatin1String("sink"))
            m_pipeline.nodes.removeLast();
        else if (change == QLatin1String("input"))
            m_pipeline.nodes.last().inputs[0].node = QStringLiteral("eth");
        else
            m_pipeline.nodes.last().settings.queuePolicy = QueuePolicy::Block;

        const Listening listening;
        warnOfStrandedSpools(m_state->path(), m_pipeline);

        QCOMPARE(said.size(), 1);
        const QString folder = m_state->filePath("p/archive/spool/btc");
        QVERIFY2(said[0].contains("3 unconfirmed records lie in " + folder) &&
                     said[0].contains("tidemill spool ls " + folder),
                 qPrintable(said[0]));
    }

    void showsItsFigures()
    {
        MetricsRegistry metrics;
        auto spool = open(m_pipeline.nodes[0]);
        TIDEMILL_VERIFY(spool);
        showSpool(metrics, {{"pipeline", "p"}, {"from", "btc"}, {"to", "db"}, {"type", ""}}, *spool);
        const auto value = [&](const char *name) {
            const QByteArray page = metrics.print();
            for (const QByteArray &line : page.split('\n')) {
                if (line.startsWith(name + QByteArray("{")) && line.contains("to=\"db\""))
                    return line.mid(line.lastIndexOf(' ') + 1).toDouble();
            }
            return -1.0;
        };

        QCOMPARE(value("tidemill_spool_waiting_batches"), 2.0);
        QCOMPARE(value("tidemill_spool_waiting_records"), 3.0);
        QCOMPARE(value("tidemill_spool_bytes"), double((*spool)->figures().bytes));
        QCOMPARE(value("tidemill_spool_quarantined_segments"), 0.0);
        QCOMPARE(value("tidemill_spool_write_errors_total"), 0.0);
        QTRY_VERIFY(value("tidemill_spool_oldest_age_seconds") > 0);
        QVERIFY(value("tidemill_spool_oldest_age_seconds") < 60);
        while ((*spool)->hasUnread())
            dynamic_cast<const SpooledDelivery &>(*(*spool)->readNext().batch->delivery()).settle();
        QCOMPARE(value("tidemill_spool_waiting_batches"), 0.0);
        QCOMPARE(value("tidemill_spool_waiting_records"), 0.0);
        QCOMPARE(value("tidemill_spool_oldest_age_seconds"), 0.0);

        const QString promtool = QStandardPaths::findExecutable(QStringLiteral("promtool"));
        if (promtool.isEmpty())
            QSKIP("promtool is not installed");
        QProcess process;
        process.start(promtool, {QStringLiteral("check"), QStringLiteral("metrics")});
        QVERIFY(process.waitForStarted());
        process.write(metrics.print());
        process.closeWriteChannel();
        QVERIFY(process.waitForFinished());
        QCOMPARE(process.readAllStandardError() + process.readAllStandardOutput(), QByteArray());
        QCOMPARE(process.exitCode(), 0);
    }

private:
    Result<std::shared_ptr<Spool>> open(const NodeDescription &sink) const
    {
        return openEdgeSpool(m_state->path(), m_pipeline.name, sink, sink.inputs[0]);
    }

    std::unique_ptr<QTemporaryDir> m_state;
    PipelineDescription m_pipeline;
};

QTEST_GUILESS_MAIN(tst_PipelineSpools)

#include "tst_pipeline_spools.moc"
