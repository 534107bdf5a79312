// SPDX-License-Identifier: Apache-2.0
#include "../net/test_certificate.h"
#include "raw_client.h"
#include "socket_queues.h"
#include "truth.h"

#include <QElapsedTimer>

using namespace tidemill::testing;

namespace {

const QString load = QStringLiteral(TIDEMILL_BUILD_DIR "/tests/plugins/load");

constexpr auto pipelineText = R"(name: flood
sources:
  binance:
    type: binance
    url: %1
    rest_url: %2
    symbols: [BTCUSDT, ETHUSDT]
    streams: [trade, bookTicker]%3
sinks:
  slow: { type: slow_sink, inputs: [binance], %4 }
)";

constexpr auto idleText = R"(name: idle
sources:
  binance: { type: binance, url: 'ws://127.0.0.1:1', rest_url: 'http://127.0.0.1:1', symbols: [BTCUSDT], streams: [trade] }
sinks:
  nothing: { type: slow_sink, inputs: [binance] }
)";

constexpr qint64 maxMemoryKiB = (40 + sanitizerMiB) * 1024;
constexpr double promptMs = 50;
// The exchange is a flood to a slower sink only when a sanitizer slows it down.
constexpr auto sinkOptions = sanitizerMiB > 0 ? "work: 200, queue: { rows: 20000 }" : "work: 20";

QByteArray fieldOf(const QString &path, const QByteArray &name)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return {};
    for (const QByteArray &line : file.readAll().split('\n')) {
        if (line.startsWith(name))
            return line.mid(name.size()).simplified();
    }
    return {};
}

// Sorted times of answers.
double percentile(const QList<double> &times, double share)
{
    return times.isEmpty() ? -1 : times[qsizetype(share * double(times.size() - 1))];
}

QString summary(const QList<double> &times)
{
    return QStringLiteral("median %1 ms, 95 % within %2 ms, longest %3 ms")
        .arg(percentile(times, 0.5), 0, 'f', 1)
        .arg(percentile(times, 0.95), 0, 'f', 1)
        .arg(percentile(times, 1), 0, 'f', 1);
}

} // namespace

// An exchange that sends faster than the sink takes: the host stays small and answers, nothing is lost, and
// what does not fit waits where it belongs, with the sender. TIDEMILL_TEST_FLOOD_SECONDS says for how long
// (5).
class tst_Flood : public QObject
{
    Q_OBJECT

private slots:
    void holdsTheExchangeInsteadOfGrowing_data()
    {
        QTest::addColumn<bool>("tls");

        QTest::newRow("ws") << false;
        QTest::newRow("wss") << true;
    }

    void holdsTheExchangeInsteadOfGrowing()
    {
        QFETCH(bool, tls);
        QTemporaryDir folder;
        TestCertificate certificate;
        QStringList arguments{"--generate", "7", "--symbols", "BTCUSDT,ETHUSDT", "--flood"};
        if (tls) {
            if (!certificate.create(QStringLiteral("IP:127.0.0.1")))
                QSKIP("no openssl command to make a certificate with");
            arguments += {"--tls-cert", certificate.file(), "--tls-key", certificate.keyFile()};
        }
        ExchangeProgram exchange;
        QVERIFY2(exchange.begin(arguments), exchange.output().constData());
        HostProgram host(folder.path());
        const QString trust = tls ? QStringLiteral("\n    ca_file: ") + certificate.file() : QString();
        QVERIFY2(host.runText(QString::fromLatin1(pipelineText)
                                  .arg(exchange.ws, exchange.rest, trust)
                                  .arg(QLatin1String(sinkOptions)),
                              {"--plugin-path", load}),
                 host.output().constData());
        QTRY_VERIFY_WITH_TIMEOUT(host.node(QStringLiteral("slow"))["records_out"].toInteger() > 1000, 20000);

        // What the machine itself takes, busy with whatever else runs on it, shows at a host that has nothing
        // to do.
        QTemporaryDir idleFolder;
        HostProgram idle(idleFolder.path());
        QVERIFY2(idle.runText(QLatin1String(idleText), {"--plugin-path", load}), idle.output().constData());

        watch(host, idle, quint16(QUrl(exchange.ws).port()));

        const QJsonObject slow = host.node(QStringLiteral("slow"));
        QCOMPARE(slow["records_dropped"].toInteger(), 0);
        QCOMPARE(host.node(QStringLiteral("binance"))["failures"].toInteger(), 0); // it is held, not lost
        const QString status = QStringLiteral("/proc/%1/status").arg(host.id());
        const qint64 memoryKiB = fieldOf(status, "VmHWM:").split(' ').value(0).toLongLong();
        const qint64 rows = slow["records_out"].toInteger();
        qInfo("%s: %lld records stored, %lld waiting; most memory %.1f MiB; %lld answers of /health: %s (of "
              "an idle host "
              "beside it: %s); unread in the host's socket %lld bytes at most, unsent in the exchange's "
              "%lld; source "
              "paused in %d of %d looks",
              tls ? "wss" : "ws", rows, slow["records_queued"].toInteger(), double(memoryKiB) / 1024,
              qint64(m_answersMs.size()), qPrintable(summary(m_answersMs)), qPrintable(summary(m_idleMs)),
              m_most.unread, m_most.unsent, m_timesPaused, m_looks);
        QVERIFY2(memoryKiB > 0 && memoryKiB < maxMemoryKiB, qPrintable(QString::number(memoryKiB)));
        QVERIFY(m_answersMs.size() >= 100);
        for (const double share : {0.5, 0.95}) {
            const double ownMs = percentile(m_answersMs, share) - percentile(m_idleMs, share);
            QVERIFY2(ownMs <= promptMs, qPrintable(QString::number(ownMs)));
        }
        // The way back to the exchange: the source does not read, both kernels are full, and the exchange
        // waits.
        QVERIFY(m_timesPaused > 0);
        QVERIFY(m_most.unread > 0);
        QVERIFY(m_most.unsent > 0);

        QVERIFY2(host.endWell(40000), host.output().constData());
        QVERIFY(!host.output().contains("abandon"));
    }

private:
    // Asks for /health again and again, and looks at what waits where.
    void watch(HostProgram &host, const HostProgram &idle, quint16 port)
    {
        m_answersMs.clear();
        m_idleMs.clear();
        m_most = {};
        m_timesPaused = m_looks = 0;
        bool isSet = false;
        const int seconds = qEnvironmentVariableIntValue("TIDEMILL_TEST_FLOOD_SECONDS", &isSet);
        QElapsedTimer time;
        time.start();
        while (!time.hasExpired((isSet ? seconds : 5) * 1000) || m_answersMs.size() < 100) {
            // In turn, because whoever is asked second is asked by a process that has just rested.
            const bool idleFirst = m_answersMs.size() % 2 == 1;
            if (idleFirst)
                m_idleMs.append(answerMs(idle));
            m_answersMs.append(answerMs(host));
            if (!idleFirst)
                m_idleMs.append(answerMs(idle));
            QVERIFY(m_answersMs.last() >= 0 && m_idleMs.last() >= 0);
            const SocketQueues queues = socketQueues(port);
            m_most.unread = std::max(m_most.unread, queues.unread);
            m_most.unsent = std::max(m_most.unsent, queues.unsent);
            if (m_answersMs.size() % 20 == 0) {
                ++m_looks;
                m_timesPaused += isPaused(host.get(QStringLiteral("/prometheus")).body) ? 1 : 0;
            }
            QVERIFY(!time.hasExpired(60000));
        }
        std::sort(m_answersMs.begin(), m_answersMs.end());
        std::sort(m_idleMs.begin(), m_idleMs.end());
    }

    // From connecting until /health has answered; negative if it did not with 200.
    static double answerMs(const HostProgram &host)
    {
        QElapsedTimer time;
        time.start();
        RawClient client(quint16(QUrl(host.http).port()));
        client.send("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        const bool well = client.receive().startsWith("HTTP/1.1 200 ");
        return well ? double(time.nsecsElapsed()) / 1e6 : -1;
    }

    static bool isPaused(const QByteArray &metrics)
    {
        static const QRegularExpression paused(QStringLiteral("tidemill_source_paused\\{[^}]*\\} 1"));
        return QString::fromUtf8(metrics).contains(paused);
    }

    QList<double> m_answersMs;
    QList<double> m_idleMs;
    SocketQueues m_most;
    int m_timesPaused = 0;
    int m_looks = 0;
};

QTEST_GUILESS_MAIN(tst_Flood)

#include "tst_flood.moc"
