// SPDX-License-Identifier: Apache-2.0
#include "handshake.h"

#include "http_text.h"

#include <QCryptographicHash>

#include <algorithm>

namespace tidemill::net {

static constexpr qsizetype maxReplyHeaders = 100;

static Error protocolError(const QString &message)
{
    return {Error::Kind::Protocol, message};
}

static Error configError(const QString &message)
{
    return {Error::Kind::Config, message};
}

static bool isOurs(QByteArrayView name)
{
    static constexpr QByteArrayView names[] = {"host", "upgrade", "connection", "content-length",
                                               "transfer-encoding"};
    const QByteArray lower = name.toByteArray().toLower();
    return lower.startsWith("sec-websocket-") ||
           std::any_of(std::begin(names), std::end(names),
                       [&](QByteArrayView ours) { return lower == ours; });
}

Result<> checkUpgradeRequest(const QUrl &url, const HeaderList &headers)
{
    // Only parts that hold no secret are quoted: a path or query may carry a listen key.
    if (url.scheme() != QLatin1String("ws") && url.scheme() != QLatin1String("wss"))
        return configError(
            QStringLiteral("expected an address of scheme ws or wss, got '%1'").arg(url.scheme()));
    if (!url.isValid() || url.host().isEmpty())
        return configError(
            QStringLiteral("expected an address such as wss://host/path, got one without a host"));
    if (!url.userInfo().isEmpty())
        return configError(
            QStringLiteral("%1: user and password do not belong in the address").arg(url.host()));
    if (url.hasFragment())
        return configError(QStringLiteral("%1: an address of a WebSocket has no '#' part").arg(url.host()));
    for (const auto &[name, value] : headers) {
        const QString shown = QString::fromLatin1(name);
        if (!isHttpToken(name))
            return configError(QStringLiteral("'%1' is not the name of a header").arg(shown));
        if (!isHttpValue(value))
            return configError(QStringLiteral("the value of header '%1' has control characters").arg(shown));
        if (isOurs(name))
            return configError(QStringLiteral("header '%1' belongs to the handshake").arg(shown));
    }
    return {};
}

QByteArray upgradeRequest(const QUrl &url, const HeaderList &headers, QByteArrayView key,
                          const Compression &compression)
{
    const bool secure = url.scheme() == QLatin1String("wss");
    const int defaultPort = secure ? 443 : 80;
    QByteArray host = url.host(QUrl::FullyEncoded).toLatin1();
    if (host.contains(':'))
        host = '[' + host + ']';
    if (url.port(defaultPort) != defaultPort)
        host += ':' + QByteArray::number(url.port());
    QByteArray target = url.path(QUrl::FullyEncoded).toLatin1();
    if (target.isEmpty())
        target = "/";
    if (url.hasQuery())
        target += '?' + url.query(QUrl::FullyEncoded).toLatin1();

    QByteArray request =
        "GET " + target + " HTTP/1.1\r\nHost: " + host +
        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
        key.toByteArray() + "\r\n";
    if (const QByteArray offer = extensionOffer(compression); !offer.isEmpty())
        request += "Sec-WebSocket-Extensions: " + offer + "\r\n";
    if (!findHeader(headers, "User-Agent"))
        request += "User-Agent: tidemill/" TIDEMILL_VERSION "\r\n";
    for (const auto &[name, value] : headers)
        request += name + ": " + value + "\r\n";
    return request + "\r\n";
}

qsizetype findReplyEnd(QByteArrayView received)
{
    const qsizetype at = QByteArray::fromRawData(received.data(), received.size()).indexOf("\r\n\r\n");
    return at < 0 ? -1 : at + 4;
}

// "HTTP/1.1 101 Switching Protocols"; the phrase may be empty, and some servers leave out the space before
// it.
static bool parseStatusLine(QByteArrayView line, UpgradeReply &reply)
{
    if (line.size() < 12 || !(line.startsWith("HTTP/1.1 ") || line.startsWith("HTTP/1.0 ")))
        return false;
    const QByteArrayView digits = line.sliced(9, 3);
    const bool areDigits =
        std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!areDigits || (line.size() > 12 && line[12] != ' '))
        return false;
    reply.status = digits.toInt();
    reply.phrase = line.sliced(std::min<qsizetype>(13, line.size())).toByteArray();
    return reply.status >= 100 && isHttpValue(reply.phrase);
}

Result<UpgradeReply> parseUpgradeReply(QByteArrayView block)
{
    UpgradeReply reply;
    const QByteArray text = block.toByteArray();
    for (qsizetype begin = 0, number = 0;; ++number) {
        const qsizetype end = text.indexOf("\r\n", begin);
        if (end < 0)
            return protocolError(QStringLiteral("the reply to the handshake ends within a line"));
        const QByteArray line = text.mid(begin, end - begin);
        begin = end + 2;
        if (number == 0) {
            if (!parseStatusLine(line, reply))
                return protocolError(QStringLiteral("expected an HTTP status line, got something else"));
            continue;
        }
        if (line.isEmpty())
            return reply;
        const qsizetype colon = line.indexOf(':');
        if (colon < 0 || !isHttpToken(line.first(colon)) || !isHttpValue(line.sliced(colon + 1)))
            return protocolError(
                QStringLiteral("line %1 of the reply to the handshake is no header").arg(number + 1));
        if (reply.headers.size() == maxReplyHeaders)
            return protocolError(QStringLiteral("the reply to the handshake has too many headers"));
        reply.headers.append({line.first(colon), line.sliced(colon + 1).trimmed()});
    }
}

// All fields of that name as one comma-separated list, as HTTP reads them.
static QList<QByteArray> listOf(const UpgradeReply &reply, QByteArrayView name)
{
    QList<QByteArray> items;
    for (const auto &[field, value] : reply.headers) {
        if (field.compare(name, Qt::CaseInsensitive) != 0)
            continue;
        const QList<QByteArray> parts = value.split(',');
        for (const QByteArray &part : parts) {
            if (const QByteArray item = part.trimmed(); !item.isEmpty())
                items.append(item);
        }
    }
    return items;
}

// The same as it was sent, commas within quotes included.
static QByteArray joined(const UpgradeReply &reply, QByteArrayView name)
{
    QByteArray text;
    for (const auto &[field, value] : reply.headers) {
        if (field.compare(name, Qt::CaseInsensitive) == 0)
            text += value + ',';
    }
    return text;
}

static bool containsToken(const QList<QByteArray> &items, QByteArrayView token)
{
    return std::any_of(items.begin(), items.end(),
                       [&](const QByteArray &item) { return item.compare(token, Qt::CaseInsensitive) == 0; });
}

Result<std::optional<DeflateAgreement>> checkUpgradeReply(const UpgradeReply &reply, QByteArrayView key,
                                                          const Compression &offered)
{
    if (reply.status != 101) {
        const QString text = QString::fromLatin1(reply.phrase.left(80));
        return protocolError(
            QStringLiteral("expected HTTP status 101, got %1 %2").arg(reply.status).arg(text).trimmed());
    }
    if (!containsToken(listOf(reply, "Upgrade"), "websocket"))
        return protocolError(QStringLiteral("the reply to the handshake lacks 'Upgrade: websocket'"));
    if (!containsToken(listOf(reply, "Connection"), "upgrade"))
        return protocolError(QStringLiteral("the reply to the handshake lacks 'Connection: Upgrade'"));
    const QByteArray proof =
        QCryptographicHash::hash(key.toByteArray() + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                                 QCryptographicHash::Sha1)
            .toBase64();
    if (listOf(reply, "Sec-WebSocket-Accept") != QList<QByteArray>{proof})
        return protocolError(QStringLiteral("Sec-WebSocket-Accept of the reply does not answer our key"));
    if (!listOf(reply, "Sec-WebSocket-Protocol").isEmpty())
        return protocolError(QStringLiteral("the reply agrees to a subprotocol that was not asked for"));
    return readExtensionAnswer(joined(reply, "Sec-WebSocket-Extensions"), offered);
}

} // namespace tidemill::net
