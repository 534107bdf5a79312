// SPDX-License-Identifier: Apache-2.0
#include "extensions.h"

#include "http_text.h"

#include <QList>

#include <utility>

namespace tidemill::net {

static constexpr int largestWindow = 15;

namespace {

struct Parameter
{
    QByteArray name;
    std::optional<QByteArray> value;
};

struct Extension
{
    QByteArray name;
    QList<Parameter> parameters;
};

// Reads the list grammar of RFC 6455 section 9.1 from left to right.
class Cursor
{
public:
    explicit Cursor(QByteArrayView text) : m_rest(text) {}

    bool atEnd()
    {
        skipSpace();
        return m_rest.isEmpty();
    }

    bool take(char wanted)
    {
        skipSpace();
        if (m_rest.isEmpty() || m_rest.front() != wanted)
            return false;
        m_rest = m_rest.sliced(1);
        return true;
    }

    // Empty if there is none.
    QByteArray token()
    {
        skipSpace();
        qsizetype size = 0;
        while (size < m_rest.size() && isHttpToken(m_rest.sliced(size, 1)))
            ++size;
        const QByteArray result = m_rest.first(size).toByteArray();
        m_rest = m_rest.sliced(size);
        return result;
    }

    // What stands in quotes, which must be a token too. Empty if it is not.
    QByteArray tokenOrQuoted()
    {
        if (!take('"'))
            return token();
        QByteArray result;
        while (!m_rest.isEmpty() && m_rest.front() != '"') {
            if (m_rest.front() == '\\')
                m_rest = m_rest.sliced(1);
            if (m_rest.isEmpty())
                return {};
            result += m_rest.front();
            m_rest = m_rest.sliced(1);
        }
        return take('"') && isHttpToken(result) ? result : QByteArray();
    }

private:
    void skipSpace()
    {
        while (!m_rest.isEmpty() && (m_rest.front() == ' ' || m_rest.front() == '\t'))
            m_rest = m_rest.sliced(1);
    }

    QByteArrayView m_rest;
};

} // namespace

static Error protocolError(const QString &message)
{
    return {Error::Kind::Protocol, message};
}

static QString shown(const QByteArray &token)
{
    return QString::fromLatin1(token.left(80));
}

// Nothing if the text is no such list.
static std::optional<QList<Extension>> parseExtensions(QByteArrayView text)
{
    QList<Extension> extensions;
    Cursor cursor(text);
    while (!cursor.atEnd()) {
        if (cursor.take(','))
            continue;
        Extension extension{cursor.token(), {}};
        if (extension.name.isEmpty())
            return {};
        while (cursor.take(';')) {
            Parameter parameter{cursor.token(), {}};
            if (parameter.name.isEmpty())
                return {};
            if (cursor.take('=')) {
                parameter.value = cursor.tokenOrQuoted();
                if (parameter.value->isEmpty())
                    return {};
            }
            extension.parameters.append(parameter);
        }
        if (!cursor.atEnd() && !cursor.take(','))
            return {};
        extensions.append(extension);
    }
    return extensions;
}

// 8 to 15, without leading zeros; 0 for anything else.
static int windowBits(const Parameter &parameter)
{
    for (int bits = 8; bits <= largestWindow; ++bits) {
        if (parameter.value == QByteArray::number(bits))
            return bits;
    }
    return 0;
}

Result<> checkCompression(const Compression &wanted)
{
    // 8 stands in the RFC, but zlib cannot write it, on either side.
    if (wanted.peerWindowBits < 9 || wanted.peerWindowBits > largestWindow)
        return Error{
            Error::Kind::Config,
            QStringLiteral("expected 9 to 15 as window bits of the peer, got %1").arg(wanted.peerWindowBits)};
    return {};
}

QByteArray extensionOffer(const Compression &wanted)
{
    if (!wanted.enabled)
        return {};
    QByteArray offer = "permessage-deflate; client_max_window_bits";
    if (!wanted.peerKeepsContext)
        offer += "; server_no_context_takeover";
    if (!wanted.weKeepContext)
        offer += "; client_no_context_takeover";
    if (wanted.peerWindowBits < largestWindow)
        offer += "; server_max_window_bits=" + QByteArray::number(wanted.peerWindowBits);
    return offer;
}

// One parameter of the answer; what is wrong with it, or nothing.
static std::optional<Error> apply(const Parameter &parameter, DeflateAgreement &agreement)
{
    const bool isFlag = parameter.name.endsWith("_no_context_takeover");
    if (parameter.name == "server_no_context_takeover")
        agreement.peerKeepsContext = false;
    else if (parameter.name == "client_no_context_takeover")
        agreement.weKeepContext = false;
    else if (parameter.name == "server_max_window_bits")
        agreement.peerWindowBits = windowBits(parameter);
    else if (parameter.name == "client_max_window_bits")
        agreement.ourWindowBits = windowBits(parameter);
    else
        return protocolError(QStringLiteral("the reply sets '%1' of permessage-deflate, which is not known")
                                 .arg(shown(parameter.name)));
    if (isFlag && parameter.value)
        return protocolError(QStringLiteral("the reply gives '%1' of permessage-deflate a value, '%2'")
                                 .arg(shown(parameter.name), shown(*parameter.value)));
    if (!isFlag && windowBits(parameter) == 0)
        return protocolError(QStringLiteral("expected 8 to 15 as '%1' of permessage-deflate, got '%2'")
                                 .arg(shown(parameter.name), shown(parameter.value.value_or(QByteArray()))));
    return {};
}

Result<std::optional<DeflateAgreement>> readExtensionAnswer(QByteArrayView answer, const Compression &offered)
{
    const auto extensions = parseExtensions(answer);
    if (!extensions)
        return protocolError(
            QStringLiteral("Sec-WebSocket-Extensions of the reply is no list of extensions"));
    if (extensions->isEmpty())
        return std::optional<DeflateAgreement>();
    for (const Extension &extension : *extensions) {
        if (!offered.enabled || extension.name != "permessage-deflate")
            return protocolError(
                QStringLiteral("the reply agrees to an extension that was not asked for: '%1'")
                    .arg(shown(extension.name)));
    }
    if (extensions->size() > 1)
        return protocolError(QStringLiteral("the reply agrees to permessage-deflate more than once"));

    DeflateAgreement agreement;
    QList<QByteArray> seen;
    for (const Parameter &parameter : extensions->first().parameters) {
        if (seen.contains(parameter.name))
            return protocolError(QStringLiteral("the reply sets '%1' of permessage-deflate more than once")
                                     .arg(shown(parameter.name)));
        seen.append(parameter.name);
        if (auto error = apply(parameter, agreement))
            return *std::move(error);
    }
    if (!offered.peerKeepsContext && agreement.peerKeepsContext)
        return protocolError(
            QStringLiteral("the reply agrees to permessage-deflate without the server_no_context_takeover "
                           "that was asked for"));
    if (agreement.peerWindowBits > offered.peerWindowBits)
        return protocolError(
            QStringLiteral("expected at most %1 as 'server_max_window_bits' of permessage-deflate, got %2")
                .arg(offered.peerWindowBits)
                .arg(seen.contains("server_max_window_bits") ? QString::number(agreement.peerWindowBits)
                                                             : QStringLiteral("none")));
    // Asked for, this is a hint that the peer need not repeat; it holds all the same.
    agreement.weKeepContext = agreement.weKeepContext && offered.weKeepContext;
    return std::optional(agreement);
}

} // namespace tidemill::net
