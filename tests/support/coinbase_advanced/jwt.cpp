// SPDX-License-Identifier: Apache-2.0
#include "coinbase_advanced/jwt.h"

#include <QJsonDocument>
#include <QJsonObject>

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace tidemill::exchange::coinbase_advanced {

namespace {

constexpr qint64 lifetime = 120; // seconds
constexpr qint64 clockSkew = 30;
constexpr int ed25519Bytes = 32;
constexpr int halfOfEs256 = 32;

evp_pkey_st *readKey(const QByteArray &text)
{
    if (!text.startsWith("-----BEGIN")) {
        const QByteArray raw = QByteArray::fromBase64(text);
        const auto *bytes = reinterpret_cast<const unsigned char *>(raw.constData());
        const bool fine = raw.size() == ed25519Bytes || raw.size() == 2 * ed25519Bytes;
        return fine ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes, ed25519Bytes) : nullptr;
    }
    const auto read = [&text](auto function) {
        BIO *bio = BIO_new_mem_buf(text.constData(), int(text.size()));
        evp_pkey_st *key = function(bio, nullptr, nullptr, nullptr);
        BIO_free(bio);
        return key;
    };
    evp_pkey_st *key = read(PEM_read_bio_PrivateKey);
    return key ? key : read(PEM_read_bio_PUBKEY);
}

// Raw r and s to what OpenSSL verifies.
QByteArray derOf(const QByteArray &signature)
{
    const auto *bytes = reinterpret_cast<const unsigned char *>(signature.constData());
    ECDSA_SIG *pair = ECDSA_SIG_new();
    ECDSA_SIG_set0(pair, BN_bin2bn(bytes, halfOfEs256, nullptr),
                   BN_bin2bn(bytes + halfOfEs256, halfOfEs256, nullptr));
    QByteArray der(i2d_ECDSA_SIG(pair, nullptr), '\0');
    auto *end = reinterpret_cast<unsigned char *>(der.data());
    i2d_ECDSA_SIG(pair, &end);
    ECDSA_SIG_free(pair);
    return der;
}

QJsonObject decoded(const QByteArray &part)
{
    const auto bytes =
        QByteArray::fromBase64Encoding(part, QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals |
                                                 QByteArray::AbortOnBase64DecodingErrors);
    return bytes ? QJsonDocument::fromJson(*bytes).object() : QJsonObject();
}

} // namespace

void JwtVerifier::Free::operator()(evp_pkey_st *key) const
{
    EVP_PKEY_free(key);
}

JwtVerifier::JwtVerifier(const QByteArray &key, const QByteArray &name)
    : m_needed(!key.isEmpty())
    , m_name(name)
    , m_key(key.isEmpty() ? nullptr : readKey(key.trimmed()))
{
    if (m_needed && !m_key)
        qWarning(
            "the key for tokens is neither PEM nor base64 of 32 or 64 bytes: every token will be refused");
}

bool JwtVerifier::isEdwards() const
{
    return EVP_PKEY_get_base_id(m_key.get()) == EVP_PKEY_ED25519;
}

bool JwtVerifier::verifies(const QByteArray &signingInput, const QByteArray &signature) const
{
    const QByteArray form = isEdwards() ? signature : derOf(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = isEdwards() ? nullptr : EVP_sha256();
    const bool good = EVP_DigestVerifyInit(context, nullptr, digest, nullptr, m_key.get()) == 1 &&
                      EVP_DigestVerify(context, reinterpret_cast<const unsigned char *>(form.constData()),
                                       std::size_t(form.size()),
                                       reinterpret_cast<const unsigned char *>(signingInput.constData()),
                                       std::size_t(signingInput.size())) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

QString JwtVerifier::problem(const QByteArray &token, qint64 now)
{
    if (!m_key)
        return QStringLiteral("there is no usable key to check it with");
    const QList<QByteArray> parts = token.split('.');
    if (parts.size() != 3 || token.contains('='))
        return QStringLiteral("it is not three parts of unpadded base64url");
    const QJsonObject header = decoded(parts[0]);
    const QJsonObject claims = decoded(parts[1]);
    const QString kid = header[u"kid"].toString();
    if (header[u"alg"].toString() != (isEdwards() ? u"EdDSA" : u"ES256") ||
        header[u"typ"].toString() != u"JWT")
        return QStringLiteral("alg or typ is wrong");
    if (kid.isEmpty() || (!m_name.isEmpty() && kid.toUtf8() != m_name))
        return QStringLiteral("kid is '%1'").arg(kid);
    if (claims[u"sub"].toString() != kid || claims[u"iss"].toString() != u"cdp")
        return QStringLiteral("sub is not the kid, or iss not 'cdp'");
    if (claims.contains(u"uri"))
        return QStringLiteral("a token for WebSocket has no uri");
    const qint64 begin = claims[u"nbf"].toInteger();
    const qint64 end = claims[u"exp"].toInteger();
    if (end - begin != lifetime)
        return QStringLiteral("exp is not %1 s after nbf").arg(lifetime);
    if (now >= end || now + clockSkew < begin)
        return QStringLiteral("it has expired or is not valid yet");
    const QByteArray signature =
        QByteArray::fromBase64(parts[2], QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals);
    if (signature.size() != 2 * halfOfEs256)
        return QStringLiteral("the signature has %1 bytes instead of 64").arg(signature.size());
    if (!verifies(parts[0] + '.' + parts[1], signature))
        return QStringLiteral("the signature is not that of the key");
    const QString nonce = header[u"nonce"].toString();
    if (nonce.isEmpty() || m_nonces.contains(nonce))
        return QStringLiteral("its nonce is missing or was used before");
    m_nonces.insert(nonce);
    return {};
}

} // namespace tidemill::exchange::coinbase_advanced
