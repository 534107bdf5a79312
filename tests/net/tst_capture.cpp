// SPDX-License-Identifier: Apache-2.0
#include "capture_reader.h"
#include "capture_writer.h"
#include "replay_input.h"

#include <QBuffer>
#include <QDir>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

#ifdef Q_OS_UNIX
#include <sys/resource.h>

#include <csignal>
#endif

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

using Kind = RecordedEvent::Kind;

namespace {

const Timestamp start = Timestamp::fromSeconds(1700000000);

Timestamp at(qint64 milliseconds)
{
    return start + std::chrono::milliseconds(milliseconds);
}

// One read of a socket.
void receive(CaptureWriter &writer, qint64 connection, const QList<QByteArray> &payloads, Timestamp time,
             bool isText = true)
{
    std::vector<Frame> frames;
    for (const QByteArray &payload : payloads)
        frames.push_back({payload, isText});
    writer.received(connection, Frames(frames, time));
}

// That do not compress.
QByteArray noise(qsizetype size, quint32 seed)
{
    QByteArray bytes(size, Qt::Uninitialized);
    for (char &byte : bytes) {
        seed = seed * 1664525 + 1013904223;
        byte = char(seed >> 24);
    }
    return bytes;
}

QString text(const RecordedEvent &event)
{
    static const char *const names[] = {"began",    "opened",   "subscribed", "unsubscribed",
                                        "received", "leads",    "lost",       "interrupted",
                                        "resumed",  "answered", "missed"};
    QString line = QLatin1String(names[int(event.kind)]);
    if (event.connection > 0)
        line += QStringLiteral(" %1").arg(event.connection);
    if (event.isContinued)
        line += QStringLiteral(" continued");
    if (event.kind == Kind::Began)
        return line;
    for (const QByteArray &name : event.names)
        line += QLatin1Char(' ') + QString::fromUtf8(name);
    for (const Frame &frame : event.frames)
        line += QLatin1Char(' ') + QString::fromUtf8(frame.payload) + QLatin1String(frame.text ? "" : "(b)");
    if (event.kind == Kind::Answered)
        line += QLatin1Char(' ') + QString::fromUtf8(event.url) + QLatin1Char(' ') +
                QString::fromUtf8(event.body);
    return line + event.missed;
}

QStringList read(const QByteArray &file, qint64 *damaged = nullptr, qint64 *torn = nullptr)
{
    QByteArray bytes = file;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::ReadOnly);
    CaptureReader reader(buffer);
    QStringList events;
    for (RecordedEvent event; reader.next(event);)
        events.append(text(event));
    if (damaged)
        *damaged = reader.damagedBytes();
    if (torn)
        *torn = reader.tornBytes();
    return events;
}

} // namespace

class tst_Capture : public QObject
{
    Q_OBJECT

private slots:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void keepsAllThatHappened()
    {
        {
            CaptureWriter writer(settings(), {"kraken", "p", "n"}, 1h);
            writer.opened(3, "wss://x", at(0));
            writer.subscribed(3, {"a b", "c"}, at(1));
            writer.sent(3, "{\"method\":\"subscribe\",\"jwt\":\"abc\"}", at(1));
            writer.leads(3, at(2));
            writer.resumed({"c"}, at(3));
            receive(writer, 3, {"one", "", "three"}, at(4));
            receive(writer, 3, {"four"}, at(5), false);
            writer.answered("https://x/depth?symbol=A", "{}\t", at(6));
            writer.unsubscribed(3, {"c"}, at(6));
            writer.interrupted({"a b"}, at(7));
            writer.lost(3, at(8));
        }
        QCOMPARE(files().size(), 1);
        const QStringList expected{
            "began",
            "opened 3",
            "subscribed 3 a b c",
            "leads 3",
            "resumed c",
            "received 3 one  three",
            "received 3 four(b)",
            "answered https://x/depth?symbol=A {}\t",
            "unsubscribed 3 c",
            "interrupted a b",
            "lost 3",
        };
        QCOMPARE(read(content(0)), expected);
    }

    void timesAreExact()
    {
        {
            CaptureWriter writer(settings(), {"kraken", "p", "n"}, 1h);
            receive(writer, 1, {"x"}, {1700000000123456789});
        }
        QByteArray bytes = content(0);
        QBuffer buffer(&bytes);
        buffer.open(QIODevice::ReadOnly);
        CaptureReader reader(buffer);
        RecordedEvent event;
        QVERIFY(reader.next(event) && reader.next(event));
        QCOMPARE(event.time.ns, 1700000000123456789);
    }

    void fileIsReadableWhileItGrows()
    {
        CaptureWriter writer(settings(), {"kraken", "p", "n"}, 1h);
        receive(writer, 1, {"one"}, at(0));
        writer.tick(at(1000));
        QTRY_COMPARE(files().size(), 1);
        QTRY_COMPARE(read(content(0)), (QStringList{"began", "received 1 one"}));
        receive(writer, 1, {"two"}, at(1001));
        writer.tick(at(2000));
        QTRY_COMPARE(read(content(0)), (QStringList{"began", "received 1 one", "received 1 two"}));
    }

    void tailThatIsTornIsLeftOut()
    {
        const QByteArray whole = threeBlocks();
        const QStringList all = read(whole);
        QCOMPARE(all.size(), 4);
        const qsizetype second = whole.indexOf("TMCB", 12);
        const std::vector<qsizetype> ends{0, 8, second, whole.indexOf("TMCB", second + 4)};
        for (qsizetype size = 0; size < whole.size(); ++size) {
            qint64 damaged = 0;
            qint64 torn = 0;
            const QStringList events = read(whole.first(size), &damaged, &torn);
            QCOMPARE(events, all.first(events.size()));
            QCOMPARE(damaged, 0);
            QCOMPARE(torn, size - *std::prev(std::upper_bound(ends.begin(), ends.end(), size)));
        }
    }

    void damagedBlockIsSkippedAndTold()
    {
        const QByteArray whole = threeBlocks();
        const qsizetype second = whole.indexOf("TMCB", whole.indexOf("TMCB") + 4);
        const qsizetype third = whole.indexOf("TMCB", second + 4);
        for (const qsizetype place : {second, second + 5, second + 20, second + 40, third - 1}) {
            QByteArray damaged = whole;
            damaged[place] = char(damaged[place] ^ 0x10);
            qint64 bytes = 0;
            const QStringList events = read(damaged, &bytes);
            QCOMPARE(bytes, third - second);
            QCOMPARE(events,
                     (QStringList{"began", "received 1 one",
                                  QStringLiteral("missed%1 bytes of the capture are damaged").arg(bytes),
                                  "received 1 three"}));
        }
        QCOMPARE(read(whole.first(second) + whole.sliced(third)).at(2),
                 "misseda block of the capture is missing");
    }

    void largeFileGetsASuccessor()
    {
        CaptureSettings small = settings();
        small.maxFileBytes = 100000;
        {
            CaptureWriter writer(small, {"kraken", "p", "n"}, 1h);
            writer.opened(1, "wss://x", at(0));
            writer.subscribed(1, {"s"}, at(0));
            writer.leads(1, at(0));
            writer.resumed({"s"}, at(0));
            qint64 time = 0;
            const auto laterTick = [&] { writer.tick(at(time += 1000)); };
            receive(writer, 1, {noise(60000, 1)}, at(0), false);
            receive(writer, 1, {noise(60000, 2)}, at(0), false);
            // The size is known when the disk has it; the tick after that begins the next file.
            QTRY_COMPARE((laterTick(), files().size()), 2);
            receive(writer, 1, {noise(60000, 3)}, at(time), false);
            receive(writer, 1, {noise(60000, 4)}, at(time), false);
        }
        QCOMPARE(files().size(), 2);
        const QStringList second = read(content(1));
        QCOMPARE(second.first(5), (QStringList{"began", "opened 1 continued", "subscribed 1 continued s",
                                               "leads 1 continued", "resumed continued s"}));
        QCOMPARE(received(), 4);
    }

    void oldFileGetsASuccessor()
    {
        {
            CaptureWriter writer(settings(), {"kraken", "p", "n"}, 10s);
            for (int i = 0; i < 25; ++i) {
                receive(writer, 1, {"x"}, at(1000 * i));
                writer.tick(at(1000 * i + 1000));
            }
        }
        QCOMPARE(files().size(), 3);
        QCOMPARE(received(), 25);
    }

    void budgetEndsTheCapture()
    {
        CaptureSettings small = settings();
        small.maxBytes = 200000;
        CaptureWriter writer(small, {"kraken", "p", "n"}, 1h);
        for (int i = 0; i < 5; ++i) {
            receive(writer, 1, {noise(60000, quint32(i))}, at(1000 * i), false);
            writer.tick(at(1000 * i + 1000));
        }
        QTRY_VERIFY(writer.trouble().contains("capture_max_bytes"));
        QTRY_COMPARE(writer.missedFrames(), 2);
        QVERIFY(sizeOfAll() <= 200000);
        QCOMPARE(received(), 3);
    }

    void budgetCountsEarlierRuns()
    {
        for (int run = 0; run < 3; ++run) {
            CaptureSettings small = settings();
            small.maxBytes = 150000;
            CaptureWriter writer(small, {"kraken", "p", "n"}, 1h);
            receive(writer, 1, {noise(60000, quint32(run))}, at(0), false);
            writer.end(at(0));
            QTRY_COMPARE(writer.trouble().isEmpty() ? received() : -1, run < 2 ? run + 1 : -1);
        }
    }

    void oldestAreDeletedIfAllowed()
    {
        for (int run = 0; run < 6; ++run) {
            CaptureSettings small = settings();
            small.maxBytes = 150000;
            small.deletesOldest = true;
            QFile(QDir(small.directory).filePath("p.n-notes.tmcap")).open(QIODevice::WriteOnly);
            const QFileInfoList before = files();
            {
                CaptureWriter writer(small, {"kraken", "p", "n"}, 1h);
                receive(writer, 1, {noise(60000, quint32(run))}, at(0), false);
            } // and all of it is on the disk
            QCOMPARE(received(), std::min(run + 1, 2));
            QVERIFY(files() != before); // the new one is there, an old one is not
        }
        QVERIFY(sizeOfAll() <= 150000);
        QVERIFY(QFile::exists(m_folder->filePath("p.n-notes.tmcap"))); // not one of ours
    }

    void namesNeverCollide()
    {
        {
            std::vector<std::unique_ptr<CaptureWriter>> writers;
            for (int i = 0; i < 20; ++i) {
                writers.push_back(std::make_unique<CaptureWriter>(
                    settings(), CaptureWriter::Owner{"kraken", "p", "n"}, 1h));
                receive(*writers.back(), 1, {"x"}, at(0));
            }
        }
        QCOMPARE(files().size(), 20);
        QCOMPARE(received(), 20);
    }

    // However fast it comes: each frame is in the capture or counted, there and here.
    void whatTheDiskCannotTakeIsCounted()
    {
        CaptureSettings small = settings();
        small.maxQueuedBytes = 1024 * 1024;
        qint64 missed = 0;
        const int count = 400;
        {
            CaptureWriter writer(small, {"kraken", "p", "n"}, 1h);
            const QByteArray payload = noise(100000, 1);
            for (int i = 0; i < count; ++i)
                receive(writer, 1, {payload}, at(i), false);
            missed = writer.missedFrames();
            QVERIFY(missed > 0);
            QVERIFY(writer.trouble().contains("too slow"));
        }
        QCOMPARE(received() + missed, count);
        QCOMPARE(m_missed, missed);
    }

#ifdef Q_OS_UNIX
    void fullDiskEndsTheCapture()
    {
        std::signal(SIGXFSZ, SIG_IGN); // as the program does
        rlimit before{};
        getrlimit(RLIMIT_FSIZE, &before);
        rlimit limit = before;
        limit.rlim_cur = 100000;
        setrlimit(RLIMIT_FSIZE, &limit);
        {
            CaptureWriter writer(settings(), {"kraken", "p", "n"}, 1h);
            for (int i = 0; i < 4; ++i) {
                receive(writer, 1, {noise(40000, quint32(i))}, at(1000 * i), false);
                writer.tick(at(1000 * i + 1000));
            }
            QTRY_VERIFY(writer.trouble().contains("capturing has stopped"));
            QTRY_COMPARE(writer.missedFrames(), 2);
        }
        setrlimit(RLIMIT_FSIZE, &before);
        qint64 torn = -1;
        read(content(0), nullptr, &torn);
        QCOMPARE(torn, 0); // half a block was cut off
        QCOMPARE(received(), 2);
    }
#endif

    void folderThatCannotBeMadeEndsTheCapture()
    {
        CaptureSettings wrong = settings();
        wrong.directory = "/proc/nowhere";
        CaptureWriter writer(wrong, {"kraken", "p", "n"}, 1h);
        receive(writer, 1, {"x"}, at(0));
        writer.tick(at(1000));
        QTRY_VERIFY(writer.trouble().contains("/proc/nowhere"));
        QTRY_COMPARE(writer.missedFrames(), 1);
    }

    void sentMessagesHoldNoSecret_data()
    {
        QTest::addColumn<QByteArray>("message");
        QTest::addColumn<QByteArray>("kept");

        QTest::newRow("subscription") << QByteArray("{\"channel\":\"book\",\"type\":\"subscribe\"}")
                                      << QByteArray("{\"channel\":\"book\",\"type\":\"subscribe\"}");
        QTest::newRow("token") << QByteArray("{\"jwt\":\"ey.abc\",\"type\":\"subscribe\"}")
                               << QByteArray("{\"jwt\":\"***\",\"type\":\"subscribe\"}");
        QTest::newRow("unknown members")
            << QByteArray("{\"params\":{\"apiKey\":\"k\",\"symbol\":[\"A\"]},\"id\":1}")
            << QByteArray("{\"id\":1,\"params\":{\"apiKey\":\"***\",\"symbol\":[\"A\"]}}");
        QTest::newRow("list") << QByteArray("{\"params\":[\"btcusdt@trade\"]}")
                              << QByteArray("{\"params\":[\"btcusdt@trade\"]}");
        QTest::newRow("long") << QByteArray("{\"name\":\"") + QByteArray(65, 'k') + "\"}"
                              << QByteArray("{\"name\":\"***\"}");
        QTest::newRow("no JSON") << QByteArray("secret") << QByteArray("***");
    }

    void sentMessagesHoldNoSecret()
    {
        QFETCH(QByteArray, message);
        QFETCH(QByteArray, kept);
        QCOMPARE(capture::masked(message), kept);
    }

    void folderIsOneRecording()
    {
        {
            CaptureWriter writer(settings(), {"kraken", "p", "n"}, 10s);
            for (int i = 0; i < 25; ++i) {
                receive(writer, 1, {QByteArray::number(i)}, at(1000 * i));
                writer.tick(at(1000 * i + 1000));
            }
        }
        QCOMPARE(files().size(), 3);
        QStringList events;
        QCOMPARE(play("kraken", events), QString());
        QCOMPARE(events.size(), 26); // began, once
        QCOMPARE(events.at(25), "received 1 24");

        // Without a file in the middle it is not whole.
        QVERIFY(QFile::remove(files().at(1).filePath()));
        events.clear();
        QCOMPARE(play("kraken", events), QString());
        QVERIFY(events.filter("missed").size() == 1);

        QVERIFY(play("binance", events).contains("expected a capture of binance, got one of kraken"));
        {
            CaptureWriter other(settings(), {"kraken", "p", "m"}, 10s);
            receive(other, 1, {"x"}, at(0));
        }
        QVERIFY(play("kraken", events).contains("several nodes (p/m, p/n)"));
    }

private:
    CaptureSettings settings() const
    {
        CaptureSettings settings;
        settings.directory = m_folder->path();
        settings.name = "p.n";
        return settings;
    }

    QFileInfoList files() const
    {
        return QDir(m_folder->path()).entryInfoList({"p.n-2*.tmcap"}, QDir::Files, QDir::Name);
    }

    // Nothing of a file that the writer has deleted since it was listed.
    static QByteArray contentOf(const QFileInfo &info)
    {
        QFile file(info.filePath());
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }

    QByteArray content(int index) const
    {
        return contentOf(files().at(index));
    }

    qint64 sizeOfAll() const
    {
        qint64 size = 0;
        for (const QFileInfo &file : files())
            size += file.size();
        return size;
    }

    // Frames in all files.
    qint64 received()
    {
        qint64 count = 0;
        m_missed = 0;
        for (const QFileInfo &file : files()) {
            for (const QString &event : read(contentOf(file))) {
                count += event.startsWith("received");
                if (event.startsWith("missed"))
                    m_missed += event.mid(6).section(' ', 0, 0).toLongLong();
            }
        }
        return count;
    }

    QByteArray threeBlocks()
    {
        {
            CaptureWriter writer(settings(), {"kraken", "p", "n"}, 1h);
            for (int i = 0; i < 3; ++i) {
                receive(writer, 1, {QByteArrayList{"one", "two", "three"}.at(i)}, at(1000 * i));
                if (i < 2)
                    writer.tick(at(1000 * i + 1000));
            }
        }
        return content(0);
    }

    QString play(const QByteArray &exchange, QStringList &events) const
    {
        auto input = ReplayInput::open(m_folder->path(), exchange);
        if (!input)
            return input.error().message;
        for (RecordedEvent event; (*input)->next(event);)
            events.append(text(event));
        return (*input)->error();
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    qint64 m_missed = 0;
};

QTEST_GUILESS_MAIN(tst_Capture)

#include "tst_capture.moc"
