// SPDX-License-Identifier: Apache-2.0
#include "http_reply_reader.h"

#include <QElapsedTimer>
#include <QTest>

using namespace tidemill;
using namespace tidemill::net;

// What a hostile, broken or merely unusual server may send; whole, and byte by byte.
class tst_HttpReplyReader : public QObject
{
    Q_OBJECT

private slots:
    void readsReplies_data();
    void readsReplies();
    void refusesWhatIsNoReply_data();
    void refusesWhatIsNoReply();
    void holdsNoMoreThanItsLimits_data();
    void holdsNoMoreThanItsLimits();
    void saysWhatIsMissingAtTheEnd();
    void readsAMillionTinyChunks();

private:
    static constexpr qint64 limit = 100;
};

void tst_HttpReplyReader::readsReplies_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<bool>("ends");
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<bool>("canGoOn");

    const QByteArray ok = "HTTP/1.1 200 OK\r\n";
    const auto row = [](const char *name, const QByteArray &bytes, bool ends, int status,
                        const QByteArray &body,
                        bool canGoOn) { QTest::newRow(name) << bytes << ends << status << body << canGoOn; };
    row("a length", ok + "Content-Length: 5\r\n\r\nhello", false, 200, "hello", true);
    row("no body", ok + "Content-Length: 0\r\n\r\n", false, 200, "", true);
    row("the same length twice", ok + "Content-Length: 2\r\ncontent-length: 2\r\n\r\nok", false, 200, "ok",
        true);
    row("204", "HTTP/1.1 204 No Content\r\n\r\n", false, 204, "", true);
    row("connection close", ok + "Connection: Close\r\nContent-Length: 2\r\n\r\nok", false, 200, "ok", false);
    row("HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, 200, "ok", false);
    row("until the end", ok + "\r\nall of it", true, 200, "all of it", false);
    row("chunks", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n, chunked!\r\n0\r\n\r\n",
        false, 200, "hello, chunked!", true);
    row("trailers", ok + "Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n00\r\nX: y\r\nZ: z\r\n\r\n", false, 200,
        "a", true);
    row("100 before it", "HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nok", false, 200,
        "ok", true);
    row("more than one reply", ok + "Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", false, 200, "ok",
        false);
    row("a long body up to the limit", ok + "Content-Length: 100\r\n\r\n" + QByteArray(limit, 'x'), false,
        200, QByteArray(limit, 'x'), true);
    row("an error with a body", "HTTP/1.1 422 Unprocessable Entity\r\nContent-Length: 2\r\n\r\n{}", false,
        422, "{}", true);
}

void tst_HttpReplyReader::readsReplies()
{
    QFETCH(QByteArray, bytes);
    QFETCH(bool, ends);
    QFETCH(int, status);
    QFETCH(QByteArray, body);
    QFETCH(bool, canGoOn);

    for (const qsizetype step : {bytes.size(), qsizetype(1), qsizetype(7)}) {
        HttpReplyReader reader(limit);
        for (qsizetype at = 0; at < bytes.size(); at += step)
            QVERIFY(reader.take(QByteArrayView(bytes).sliced(at, std::min(step, bytes.size() - at))));
        if (ends)
            QVERIFY(reader.end());

        QVERIFY(reader.isWhole());
        QCOMPARE(reader.status(), status);
        QCOMPARE(reader.takeBody(), body);
        QCOMPARE(reader.canGoOn(), canGoOn);
    }
}

void tst_HttpReplyReader::refusesWhatIsNoReply_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QString>("message");

    const QByteArray ok = "HTTP/1.1 200 OK\r\n";
    const QString noHttp = "expected a reply of HTTP/1.1, got something else";
    const QString noLength = "the reply's Content-Length is no length";
    QTest::newRow("TLS") << QByteArray("\x15\x03\x01\0\2\2\r\n\r\n", 10) << noHttp;
    QTest::newRow("another protocol") << QByteArray("SSH-2.0-OpenSSH_9.2\r\n\r\n") << noHttp;
    QTest::newRow("a header without colon") << QByteArray(ok + "Content-Length\r\n\r\n") << noHttp;
    QTest::newRow("a folded header") << QByteArray(ok + "A: b\r\n c\r\n\r\n") << noHttp;
    QTest::newRow("a negative length") << QByteArray(ok + "Content-Length: -1\r\n\r\n") << noLength;
    QTest::newRow("a length with a sign") << QByteArray(ok + "Content-Length: +5\r\n\r\n") << noLength;
    QTest::newRow("a length of words") << QByteArray(ok + "Content-Length: five\r\n\r\n") << noLength;
    QTest::newRow("an empty length") << QByteArray(ok + "Content-Length:\r\n\r\n") << noLength;
    QTest::newRow("a length beyond 64 bits")
        << QByteArray(ok + "Content-Length: 99999999999999999999\r\n\r\n") << noLength;
    QTest::newRow("two lengths") << QByteArray(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n")
                                 << "the reply has two lengths";
    const QString coding = "the reply's Transfer-Encoding is not 'chunked' alone";
    QTest::newRow("a length and chunks")
        << QByteArray(ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") << coding;
    QTest::newRow("packed in transfer")
        << QByteArray(ok + "Transfer-Encoding: gzip, chunked\r\n\r\n") << coding;
    const QByteArray chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    QTest::newRow("a chunk without size")
        << QByteArray(chunked + "\r\n") << "a chunk of the reply has no size";
    QTest::newRow("a chunk of minus one")
        << QByteArray(chunked + "-1\r\n") << "a chunk of the reply has no size";
    QTest::newRow("a chunk longer than it says")
        << QByteArray(chunked + "1\r\nab\r\n") << "a chunk of the reply is longer than it says";
    QTest::newRow("another protocol, unasked") << QByteArray("HTTP/1.1 101 Switching Protocols\r\n\r\n")
                                               << "the peer changes to another protocol, unasked";
}

void tst_HttpReplyReader::refusesWhatIsNoReply()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QString, message);
    HttpReplyReader reader(limit);

    const Result<> taken = reader.take(bytes);

    QVERIFY(!taken);
    QCOMPARE(taken.error().kind, Error::Kind::Protocol);
    QCOMPARE(taken.error().message, message);
}

void tst_HttpReplyReader::holdsNoMoreThanItsLimits_data()
{
    QTest::addColumn<QByteArray>("begin");
    QTest::addColumn<QByteArray>("endless");
    QTest::addColumn<QString>("message");

    const QByteArray ok = "HTTP/1.1 200 OK\r\n";
    const QByteArray chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    const QString tooLong = "the reply is longer than the limit of 100 bytes";
    const QString heads = "the reply has more than 16384 bytes of headers";
    QTest::newRow("a header without end") << QByteArray(ok + "A: ") << QByteArray("b") << heads;
    QTest::newRow("headers without end") << ok << QByteArray("A: b\r\n") << heads;
    QTest::newRow("interim replies without end")
        << QByteArray() << QByteArray("HTTP/1.1 100 Continue\r\n\r\n") << "more than 10 interim replies";
    QTest::newRow("a body until the end") << QByteArray(ok + "\r\n") << QByteArray("x") << tooLong;
    QTest::newRow("a long body") << QByteArray(ok + "Content-Length: 101\r\n\r\n") << QByteArray() << tooLong;
    QTest::newRow("a large chunk") << QByteArray(chunked + "7FFFFFFF\r\n") << QByteArray() << tooLong;
    QTest::newRow("small chunks without end") << chunked << QByteArray("1\r\nx\r\n") << tooLong;
    QTest::newRow("a chunk's extension without end") << QByteArray(chunked + "1;") << QByteArray("x")
                                                     << "a chunk of the reply has no end of its first line";
    const QString trailers = "the reply has more than 16384 bytes of trailers";
    QTest::newRow("trailers without end")
        << QByteArray(chunked + "0\r\n") << QByteArray("A: b\r\n") << trailers;
    QTest::newRow("a trailer without end") << QByteArray(chunked + "0\r\nA: ") << QByteArray("b") << trailers;
}

void tst_HttpReplyReader::holdsNoMoreThanItsLimits()
{
    QFETCH(QByteArray, begin);
    QFETCH(QByteArray, endless);
    QFETCH(QString, message);
    HttpReplyReader reader(limit);

    Result<> taken = reader.take(begin);
    for (int i = 0; taken && i < 20000; ++i)
        taken = reader.take(endless);

    QVERIFY(!taken);
    QCOMPARE(taken.error().message, message);
    QVERIFY(reader.takeBody().size() <= limit);
}

void tst_HttpReplyReader::saysWhatIsMissingAtTheEnd()
{
    HttpReplyReader silent(limit);
    HttpReplyReader cut(limit);
    QVERIFY(cut.take("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"));

    QCOMPARE(silent.end().error().message, "the connection ended without a reply");
    QCOMPARE(cut.end().error().message, "the connection ended within the reply");
}

// What it costs must grow with what came, not with its square.
void tst_HttpReplyReader::readsAMillionTinyChunks()
{
    constexpr int count = 1000000;
    HttpReplyReader reader(count);
    QVERIFY(reader.take("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    const QByteArray chunks = QByteArray("1\r\nx\r\n").repeated(count) + "0\r\n\r\n";

    QElapsedTimer timer;
    timer.start();
    QVERIFY(reader.take(chunks));

    QVERIFY(reader.isWhole());
    QCOMPARE(reader.takeBody().size(), count);
    QVERIFY2(timer.elapsed() < 20000, qPrintable(QString::number(timer.elapsed())));
}

QTEST_GUILESS_MAIN(tst_HttpReplyReader)

#include "tst_http_reply_reader.moc"
