// SPDX-License-Identifier: Apache-2.0
#include "replay_pace.h"
#include "tape_reader.h"

#include <QBuffer>
#include <QTest>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

class tst_TapeReader : public QObject
{
    Q_OBJECT

private slots:
    void timesAreExact_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<qint64>("ns"); // -1: none

        QTest::newRow("nanoseconds") << QByteArray("1723161254.024619568") << qint64(1723161254024619568);
        QTest::newRow("fewer digits") << QByteArray("1618677408.2868") << qint64(1618677408286800000);
        QTest::newRow("whole") << QByteArray("1618677408") << qint64(1618677408000000000);
        QTest::newRow("point alone") << QByteArray("1618677408.") << qint64(1618677408000000000);
        QTest::newRow("too exact") << QByteArray("1.0123456789") << qint64(-1);
        QTest::newRow("too late") << QByteArray("9223372036") << qint64(-1);
        QTest::newRow("exponent") << QByteArray("1e9") << qint64(-1);
        QTest::newRow("sign") << QByteArray("-1") << qint64(-1);
        QTest::newRow("two points") << QByteArray("1.2.3") << qint64(-1);
        QTest::newRow("empty") << QByteArray() << qint64(-1);
    }

    void timesAreExact()
    {
        QFETCH(QByteArray, text);
        QFETCH(qint64, ns);
        QCOMPARE(parseTapeTime(text).value_or(Timestamp{-1}).ns, ns);
    }

    void readsEvents()
    {
        const QStringList events = read("1.5\tconnect\tws\twss://x\n"
                                        "1.6\tsend\tws\t{\"a\":1}\n"
                                        "-\trecv\tws\tone\ttab\n"
                                        "1.7\thttp\thttp\thttps://x\t[]\n"
                                        "\n"
                                        "2\trecv\tother\ttwo\r\n"
                                        "3\tconnect\tws\twss://x\n"
                                        "4\trecv\tws\tthree");
        QCOMPARE(events, (QStringList{"opened 1 1500", "received 1 1600 one\ttab", "answered https://x []",
                                      "received 2 2000 two", "lost 1 3000", "opened 3 3000",
                                      "received 3 4000 three"}));
        QCOMPARE(m_badLines, 0);
    }

    void badLinesAreCounted()
    {
        const QStringList events = read("1\trecv\tws\tone\n"
                                        "hello\n"
                                        "x\trecv\tws\ttwo\n"
                                        "1\tshout\tws\tthree\n"
                                        "1\trecv\tws\n"
                                        "2\trecv\tws\tfour\n");
        QCOMPARE(events, (QStringList{"received 1 1000 one", "received 1 2000 four"}));
        QCOMPARE(m_badLines, 4);
    }

    // Longer than what is read at once; and with what SIMD parsers may read behind it.
    void longLinesAreRead()
    {
        QByteArray bytes;
        for (int i = 0; i < 5; ++i)
            bytes += "1\trecv\tws\t" + QByteArray(700000 * i, char('a' + i)) + '\n';
        QBuffer buffer(&bytes);
        buffer.open(QIODevice::ReadOnly);
        TapeReader reader(buffer);
        RecordedEvent event;
        for (int i = 0; i < 5; ++i) {
            QVERIFY(reader.next(event));
            const QByteArrayView payload = event.frames.front().payload;
            QCOMPARE(payload.size(), 700000 * i);
            QVERIFY(payload.toByteArray() == QByteArray(700000 * i, char('a' + i)));
        }
        QVERIFY(!reader.next(event));
    }

    void knowsATape_data()
    {
        QTest::addColumn<QByteArray>("begin");
        QTest::addColumn<bool>("isTape");
        QTest::newRow("with time") << QByteArray("1.5\tconnect\tws\t") << true;
        QTest::newRow("without") << QByteArray("-\trecv\tws\t{") << true;
        QTest::newRow("capture") << QByteArray("TMCAPT1\n") << false;
        QTest::newRow("text") << QByteArray("name: x\n") << false;
        QTest::newRow("empty") << QByteArray() << false;
    }

    void knowsATape()
    {
        QFETCH(QByteArray, begin);
        QFETCH(bool, isTape);
        QCOMPARE(TapeReader::isTape(begin), isTape);
    }

    void paceIsKept()
    {
        const ReplayPace::Clock::time_point now{1h};
        const auto at = [](qint64 ms) { return Timestamp::fromMilliseconds(1700000000000 + ms); };
        ReplayPace ten(10);
        QCOMPARE(ten.wait(at(0), now).count(), 0);
        QCOMPARE(ten.wait(at(60000), now), 6s);        // a minute takes a tenth of one
        QCOMPARE(ten.wait(at(60000), now + 4s), 2s);   // of which some is over
        QCOMPARE(ten.wait(at(60000), now + 10s), 0s);  // late: at once
        QCOMPARE(ten.wait(at(-5000), now).count(), 0); // a clock that was set back
        QCOMPARE(ten.wait({}, now).count(), 0);        // not known
        ten.restart();                                 // it was paused
        QCOMPARE(ten.wait(at(60000), now + 20s).count(), 0);
        QCOMPARE(ten.wait(at(61000), now + 20s), 100ms);

        ReplayPace most(0);
        QCOMPARE(most.wait(at(0), now).count(), 0);
        QCOMPARE(most.wait(at(60000), now).count(), 0);

        ReplayPace half(0.5);
        QCOMPARE(half.wait(at(0), now).count(), 0);
        QCOMPARE(half.wait(at(1000), now), 2s);
        QCOMPARE(half.wait({std::numeric_limits<qint64>::max()}, now), 1h); // looks again then
    }

private:
    QStringList read(QByteArray bytes)
    {
        QBuffer buffer(&bytes);
        buffer.open(QIODevice::ReadOnly);
        TapeReader reader(buffer);
        QStringList events;
        for (RecordedEvent event; reader.next(event);) {
            QString line = event.kind == RecordedEvent::Kind::Opened ? "opened"
                           : event.kind == RecordedEvent::Kind::Lost ? "lost"
                                                                     : "received";
            if (event.kind == RecordedEvent::Kind::Answered) {
                events.append("answered " + QString::fromUtf8(event.url) + ' ' +
                              QString::fromUtf8(event.body));
                continue;
            }
            line += QStringLiteral(" %1 %2").arg(event.connection).arg(event.time.ns / 1000000);
            for (const Frame &frame : event.frames)
                line += QLatin1Char(' ') + QString::fromUtf8(frame.payload);
            events.append(line);
        }
        m_badLines = reader.badLines();
        return events;
    }

    qint64 m_badLines = 0;
};

QTEST_GUILESS_MAIN(tst_TapeReader)

#include "tst_tape_reader.moc"
