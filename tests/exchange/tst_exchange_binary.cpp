// SPDX-License-Identifier: Apache-2.0
#include "exchange_test.h"

#include <QtEndian>

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;

namespace {

// Reads little-endian numbers one after the other.
class Reader
{
public:
    explicit Reader(const QByteArray &bytes) : m_bytes(bytes) {}

    template<typename Integer>
    Integer take()
    {
        const auto value = qFromLittleEndian<Integer>(m_bytes.constData() + m_at);
        m_at += qsizetype(sizeof value);
        return value;
    }
    QByteArray takeText()
    {
        const qsizetype size = take<quint8>();
        m_at += size;
        return m_bytes.mid(m_at - size, size);
    }
    bool atEnd() const { return m_at == m_bytes.size(); }

private:
    QByteArray m_bytes;
    qsizetype m_at = 0;
};

class BinaryClient
{
public:
    BinaryClient(const FakeExchange &exchange, const QString &target, const QByteArray &key)
    {
        QObject::connect(&socket, &QWebSocket::binaryMessageReceived, &socket,
                         [this](const QByteArray &frame) { frames.append(frame); });
        QObject::connect(&socket, &QWebSocket::textMessageReceived, &socket,
                         [this](const QString &text) { texts.append(text); });
        QNetworkRequest request(at(exchange, target));
        if (!key.isEmpty())
            request.setRawHeader("X-MBX-APIKEY", key);
        socket.open(request);
    }

    QList<QByteArray> ofTemplate(quint16 id) const
    {
        QList<QByteArray> list;
        for (const QByteArray &frame : frames) {
            if (qFromLittleEndian<quint16>(frame.constData() + 2) == id)
                list.append(frame);
        }
        return list;
    }

    QWebSocket socket;
    QList<QByteArray> frames;
    QStringList texts;
};

} // namespace

// Binance's binary streams.
class tst_ExchangeBinary : public QObject
{
    Q_OBJECT

private slots:
    void aKeyIsNeeded()
    {
        FakeExchange exchange;
        start(exchange);
        RawClient client(exchange.wsUrl(), "/sbe/ws/btcusdt@trade");

        QVERIFY(client.waitHead());
        QVERIFY(client.head.startsWith("HTTP/1.1 400"));
        QTRY_COMPARE(client.socket.state(), QAbstractSocket::UnconnectedState);
    }

    void theKeyHasToBeTheRightOne()
    {
        FakeExchange exchange({.sbe = true, .apiKey = "right"});
        start(exchange);
        BinaryClient wrong(exchange, QStringLiteral("/ws/btcusdt@trade"), "wrong");
        BinaryClient right(exchange, QStringLiteral("/ws/btcusdt@trade"), "right");

        QTRY_VERIFY(!right.frames.isEmpty());
        QVERIFY(!wrong.socket.isValid());
    }

    void dataAreBinaryAndControlIsNot()
    {
        FakeExchange exchange;
        start(exchange);
        BinaryClient client(exchange, QStringLiteral("/sbe/stream?streams=btcusdt@trade/btcusdt@bestBidAsk"),
                            "k");
        QTRY_VERIFY(client.frames.size() > 10);

        client.socket.sendTextMessage(QStringLiteral(
            "{\"method\":\"SUBSCRIBE\",\"params\":[\"btcusdt@depth\",\"btcusdt@depth20\"],\"id\":1}"));

        QTRY_VERIFY(!client.ofTemplate(10003).isEmpty() && !client.ofTemplate(10002).isEmpty());
        QCOMPARE(client.texts, QStringList{QStringLiteral("{\"result\":null,\"id\":1}")});
        QVERIFY(exchange.stats()[u"violations"].toArray().isEmpty());
    }

    void unknownStreamsAreRemarkedOn()
    {
        FakeExchange exchange;
        start(exchange);
        BinaryClient client(exchange, QStringLiteral("/sbe/ws/btcusdt@aggTrade"), "k");

        QTRY_COMPARE(exchange.stats()[u"violations"].toArray().size(), 1);
    }

    // The same market twice, as text and as bytes.
    void tradesSayTheSameAsInJson()
    {
        FakeExchange exchange;
        start(exchange);
        BinaryClient binary(exchange, QStringLiteral("/sbe/ws/btcusdt@trade"), "k");
        Client text(at(exchange, QStringLiteral("/ws/btcusdt@trade?timeUnit=MICROSECOND")));
        QTRY_VERIFY(binary.frames.size() > 20 && text.frames.size() > 60);

        QHash<qint64, QJsonObject> trades;
        for (const QByteArray &frame : std::as_const(text.frames))
            trades.insert(json(frame)[u"t"].toInteger(), json(frame));
        int compared = 0;
        int several = 0;
        for (const QByteArray &frame : std::as_const(binary.frames)) {
            Reader reader(frame);
            QCOMPARE(reader.take<quint16>(), quint16(18));
            QCOMPARE(reader.take<quint16>(), quint16(10000));
            QCOMPARE(reader.take<quint16>(), quint16(1));
            QCOMPARE(reader.take<quint16>(), quint16(0));
            reader.take<qint64>(); // event time
            const qint64 time = reader.take<qint64>();
            QCOMPARE(reader.take<qint8>(), qint8(-8));
            QCOMPARE(reader.take<qint8>(), qint8(-8));
            QCOMPARE(reader.take<quint16>(), quint16(25));
            const quint32 count = reader.take<quint32>();
            several += count > 1 ? 1 : 0;
            for (quint32 index = 0; index < count; ++index) {
                const qint64 id = reader.take<qint64>();
                const qint64 price = reader.take<qint64>();
                const qint64 quantity = reader.take<qint64>();
                const bool maker = reader.take<quint8>() == 1;
                if (!trades.contains(id))
                    continue;
                const QJsonObject trade = trades.value(id);
                QCOMPARE(trade[u"p"].toString().toLatin1(), (Number{price, 8}.text()));
                QCOMPARE(trade[u"q"].toString().toLatin1(), (Number{quantity, 8}.text()));
                QCOMPARE(trade[u"m"].toBool(), maker);
                QCOMPARE(trade[u"T"].toInteger(), time);
                ++compared;
            }
            QCOMPARE(reader.takeText(), QByteArray("BTCUSDT"));
            QVERIFY(reader.atEnd());
        }
        QVERIFY(compared > 10);
        QVERIFY(several > 0);
    }

    void differencesFollowOneAnother()
    {
        FakeExchange exchange;
        start(exchange);
        BinaryClient client(exchange, QStringLiteral("/sbe/ws/btcusdt@depth"), "k");
        QTRY_VERIFY(client.frames.size() > 10);

        qint64 last = 0;
        for (const QByteArray &frame : std::as_const(client.frames)) {
            Reader reader(frame);
            QCOMPARE(reader.take<quint16>(), quint16(26));
            QCOMPARE(reader.take<quint16>(), quint16(10003));
            reader.take<quint32>(); // schema and version
            reader.take<qint64>();  // event time
            const qint64 first = reader.take<qint64>();
            QVERIFY(last == 0 || first == last + 1);
            last = reader.take<qint64>();
            reader.take<quint16>(); // exponents
            for (int side = 0; side < 2; ++side) {
                QCOMPARE(reader.take<quint16>(), quint16(16));
                for (quint16 count = reader.take<quint16>(); count > 0; --count) {
                    QVERIFY(reader.take<qint64>() > 0);
                    QVERIFY(reader.take<qint64>() >= 0);
                }
            }
            QCOMPARE(reader.takeText(), QByteArray("BTCUSDT"));
            QVERIFY(reader.atEnd());
        }
    }

private:
    static void start(FakeExchange &exchange)
    {
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        exchange.generate({.depthIntervalUs = 20000});
    }
};

QTEST_GUILESS_MAIN(tst_ExchangeBinary)

#include "tst_exchange_binary.moc"
