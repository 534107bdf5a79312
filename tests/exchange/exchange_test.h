// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/fake_exchange.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QNetworkAccessManager>
#include <QNetworkReply>
#include <QSignalSpy>
#include <QTest>

namespace tidemill::exchange::testing {

inline QJsonObject json(const QByteArray &text)
{
    return QJsonDocument::fromJson(text).object();
}

inline QUrl at(const FakeExchange &exchange, const QString &target)
{
    return QUrl(exchange.wsUrl().toString() + target);
}

// Qt's own client: what it understands, it understands by no code of ours.
class Client
{
public:
    explicit Client(const QUrl &url)
    {
        QObject::connect(&socket, &QWebSocket::textMessageReceived, &socket,
                         [this](const QString &text) { frames.append(text.toUtf8()); });
        socket.open(url);
    }

    bool waitOpen()
    {
        return QTest::qWaitFor([this] { return socket.isValid(); });
    }

    bool waitFrames(qsizetype count, int timeoutMs = 5000)
    {
        return QTest::qWaitFor([&] { return frames.size() >= count; }, timeoutMs);
    }

    bool waitClosed(int timeoutMs = 5000)
    {
        return QTest::qWaitFor([this] { return socket.state() == QAbstractSocket::UnconnectedState; },
                               timeoutMs);
    }

    // Sends a control message and returns the reply; data may come in between.
    QByteArray ask(const QString &message)
    {
        qsizetype next = frames.size();
        socket.sendTextMessage(message);
        QByteArray reply;
        const auto replied = [&] {
            for (; next < frames.size(); ++next) {
                const QJsonObject frame = json(frames[next]);
                if (frame.contains(u"result") || frame.contains(u"code") || frame.contains(u"error"))
                    reply = frames[next];
            }
            return !reply.isEmpty();
        };
        return QTest::qWaitFor(replied) ? reply : QByteArray("no reply");
    }

    QWebSocket socket;
    QByteArrayList frames;
};

// A client that does only what it is told to: it answers no ping, and may send what no proper client would.
class RawClient
{
public:
    explicit RawClient(const QUrl &url, const QByteArray &target = "/ws")
    {
        QObject::connect(&socket, &QTcpSocket::connected, &socket, [this, target] {
            socket.write("GET " + target +
                         " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
        });
        QObject::connect(&socket, &QTcpSocket::readyRead, &socket, [this] { read(); });
        QObject::connect(&socket, &QTcpSocket::errorOccurred, &socket,
                         [this](QAbstractSocket::SocketError error) { lastError = error; });
        socket.connectToHost(url.host(), quint16(url.port()));
    }

    bool waitOpen()
    {
        return QTest::qWaitFor([this] { return head.startsWith("HTTP/1.1 101"); });
    }

    bool waitHead()
    {
        const auto decided = [this] {
            return !head.isEmpty() || lastError != QAbstractSocket::UnknownSocketError;
        };
        return QTest::qWaitFor(decided) && !head.isEmpty();
    }

    bool waitFrame(int opcode, int timeoutMs = 5000)
    {
        return QTest::qWaitFor([&] { return !payloads(opcode).isEmpty(); }, timeoutMs);
    }

    bool waitGone(int timeoutMs = 5000)
    {
        return QTest::qWaitFor([this] { return socket.state() == QAbstractSocket::UnconnectedState; },
                               timeoutMs);
    }

    static QByteArray frame(int opcode, QByteArray payload, bool masked = true)
    {
        QByteArray bytes;
        bytes.append(char(0x80 | opcode));
        const char mark = masked ? char(0x80) : char(0);
        if (payload.size() < 126) {
            bytes.append(char(mark | char(payload.size())));
        } else {
            bytes.append(char(mark | 126)).append(char(payload.size() >> 8)).append(char(payload.size()));
        }
        if (masked) {
            const QByteArray key("\x11\x22\x33\x44", 4);
            bytes += key;
            for (qsizetype index = 0; index < payload.size(); ++index)
                payload[index] = char(payload[index] ^ key[index % 4]);
        }
        return bytes + payload;
    }

    void send(int opcode, const QByteArray &payload = {}, bool masked = true)
    {
        socket.write(frame(opcode, payload, masked));
    }

    QByteArrayList payloads(int opcode) const
    {
        QByteArrayList list;
        for (const auto &[kind, payload] : frames) {
            if (kind == opcode)
                list.append(payload);
        }
        return list;
    }

    int closeCode() const
    {
        const QByteArrayList closes = payloads(FrameScanner::Close);
        return closes.isEmpty() ? -1 : quint8(closes[0][0]) << 8 | quint8(closes[0][1]);
    }

    QTcpSocket socket;
    QByteArray head;
    QList<std::pair<int, QByteArray>> frames;
    QAbstractSocket::SocketError lastError = QAbstractSocket::UnknownSocketError;

private:
    void read()
    {
        m_buffer += socket.readAll();
        if (head.isEmpty()) {
            const qsizetype end = m_buffer.indexOf("\r\n\r\n");
            if (end < 0)
                return;
            head = m_buffer.left(end);
            m_buffer.remove(0, end + 4);
        }
        while (m_buffer.size() >= 2) {
            qsizetype length = quint8(m_buffer[1]) & 0x7f;
            const int header = length == 126 ? 4 : 2; // nothing here is longer than 64 KiB
            if (m_buffer.size() < header)
                return;
            if (length == 126)
                length = quint8(m_buffer[2]) << 8 | quint8(m_buffer[3]);
            if (m_buffer.size() < header + length)
                return;
            frames.append({quint8(m_buffer[0]) & 0x0f, m_buffer.mid(header, length)});
            m_buffer.remove(0, header + length);
        }
    }

    QByteArray m_buffer;
};

struct Answer
{
    int status = 0;
    QByteArray body;
    QByteArray retryAfter;
    QByteArray usedWeight;
    QNetworkReply::NetworkError error = QNetworkReply::NoError;

    QJsonObject object() const { return json(body); }
    QJsonArray array() const { return QJsonDocument::fromJson(body).array(); }
    int code() const { return object()[u"code"].toInt(); }
};

inline Answer await(QNetworkReply *reply)
{
    QSignalSpy finished(reply, &QNetworkReply::finished);
    if (!reply->isFinished())
        finished.wait(20'000);
    const Answer answer{reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt(), reply->readAll(),
                        reply->rawHeader("Retry-After"), reply->rawHeader("X-MBX-USED-WEIGHT-1M"),
                        reply->error()};
    reply->deleteLater();
    return answer;
}

inline Answer get(const FakeExchange &exchange, const QString &target, const QByteArray &timeUnit = {})
{
    static QNetworkAccessManager manager;
    QNetworkRequest request(QUrl(exchange.restUrl().toString() + target));
    if (!timeUnit.isEmpty())
        request.setRawHeader("X-MBX-TIME-UNIT", timeUnit);
    return await(manager.get(request));
}

inline Answer post(const FakeExchange &exchange, const QString &target)
{
    static QNetworkAccessManager manager;
    QNetworkRequest request(QUrl(exchange.restUrl().toString() + target));
    request.setHeader(QNetworkRequest::ContentTypeHeader, "text/plain");
    return await(manager.post(request, QByteArray()));
}

inline QByteArray trade(qint64 id, const QByteArray &symbol = "BTCUSDT")
{
    return "{\"e\":\"trade\",\"E\":1700000000001,\"s\":\"" + symbol + "\",\"t\":" + QByteArray::number(id) +
           ",\"p\":\"61234.02000000\",\"q\":\"0.00317000\",\"T\":1700000000000,\"m\":true,\"M\":true}";
}

} // namespace tidemill::exchange::testing
