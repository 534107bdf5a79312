// SPDX-License-Identifier: Apache-2.0
#include <tidemill/net/jwt.h>

#include <QJsonDocument>
#include <QJsonObject>
#include <QRandomGenerator>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>

namespace tidemill::net {

namespace {

constexpr qint64 lifetimeSeconds = 120;
constexpr int nonceBytes = 32;
constexpr int coordinateBytes = 32; // of P-256

template<auto free>
struct Free
{
    void operator()(auto *pointer) const { free(pointer); }
};

using PrivateKey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

QByteArray base64Url(const QByteArray &bytes)
{
    return bytes.toBase64(QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals);
}

QByteArray encoded(const QJsonObject &object)
{
    return base64Url(QJsonDocument(object).toJson(QJsonDocument::Compact));
}

// Without this OpenSSL would ask the terminal for the password of an encrypted key.
int noPassword(char *, int, int, void *)
{
    return 0;
}

PrivateKey readPem(const QByteArray &pem)
{
    const std::unique_ptr<BIO, Free<BIO_free_all>> memory(BIO_new_mem_buf(pem.constData(), int(pem.size())));
    return PrivateKey(memory ? PEM_read_bio_PrivateKey(memory.get(), nullptr, noPassword, nullptr) : nullptr);
}

// The private key of Ed25519 alone, or with the public one behind it.
PrivateKey readSeed(QByteArray text)
{
    text = text.simplified().replace(' ', "");
    const auto decoded = QByteArray::fromBase64Encoding(text, QByteArray::AbortOnBase64DecodingErrors);
    const QByteArray bytes = decoded ? decoded.decoded : QByteArray();
    if (bytes.size() != 32 && bytes.size() != 64)
        return {};
    return PrivateKey(EVP_PKEY_new_raw_private_key(
        EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char *>(bytes.constData()), 32));
}

bool isP256(EVP_PKEY *key)
{
    std::array<char, 32> group{};
    return EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 &&
           (QByteArrayView(group.data()) == "prime256v1" || QByteArrayView(group.data()) == "P-256");
}

QByteArray sign(EVP_PKEY *key, const EVP_MD *digest, const QByteArray &text)
{
    const std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
    const auto *data = reinterpret_cast<const unsigned char *>(text.constData());
    std::size_t size = 0;
    if (!context || EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, data, std::size_t(text.size())) != 1)
        return {};
    QByteArray signature(qsizetype(size), Qt::Uninitialized);
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(signature.data()), &size, data,
                       std::size_t(text.size())) != 1)
        return {};
    signature.truncate(qsizetype(size));
    return signature;
}

// OpenSSL gives r and s as DER, with as few bytes as each needs; a token carries 32 bytes of each.
QByteArray rawSignature(const QByteArray &der)
{
    const auto *data = reinterpret_cast<const unsigned char *>(der.constData());
    const std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>> signature(
        d2i_ECDSA_SIG(nullptr, &data, long(der.size())));
    QByteArray raw(2 * coordinateBytes, Qt::Uninitialized);
    auto *out = reinterpret_cast<unsigned char *>(raw.data());
    if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, coordinateBytes) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + coordinateBytes, coordinateBytes) < 0)
        return {};
    return raw;
}

} // namespace

struct JwtSigner::Key
{
    PrivateKey key;
    bool isElliptic = false; // ES256, otherwise EdDSA
};

Result<JwtSigner> JwtSigner::make(const QString &keyName, const QString &secret)
{
    QByteArray text = secret.toUtf8();
    text.replace("\\n", "\n");
    text = text.trimmed();
    const bool isPem = text.startsWith("-----BEGIN");
    auto key = std::make_shared<Key>();
    key->key = isPem ? readPem(text + '\n') : readSeed(text);
    const int type = key->key ? EVP_PKEY_get_base_id(key->key.get()) : EVP_PKEY_NONE;
    key->isElliptic = type == EVP_PKEY_EC && isP256(key->key.get());
    if (!key->isElliptic && type != EVP_PKEY_ED25519)
        return Error{
            Error::Kind::Config,
            isPem ? QStringLiteral("expected an unencrypted private key of the curve P-256 or Ed25519 "
                                   "in PEM, got PEM that is not one")
                  : QStringLiteral("expected a private key: PEM that begins with -----BEGIN, or base64 "
                                   "of an Ed25519 key of 32 or 64 bytes")};
    JwtSigner signer;
    signer.m_keyName = keyName.trimmed(); // a name from a file often brings a line end
    signer.m_key = std::move(key);
    return signer;
}

Result<QByteArray> JwtSigner::token(Timestamp now) const
{
    std::array<quint32, nonceBytes / sizeof(quint32)> nonce{};
    QRandomGenerator::system()->fillRange(nonce.data(), qsizetype(nonce.size()));
    const QByteArray nonceText =
        QByteArray(reinterpret_cast<const char *>(nonce.data()), qsizetype(sizeof nonce)).toHex();
    const qint64 seconds = now.ns / 1'000'000'000;
    const QByteArray header =
        encoded({{"alg", m_key->isElliptic ? QStringLiteral("ES256") : QStringLiteral("EdDSA")},
                 {"kid", m_keyName},
                 {"nonce", QString::fromLatin1(nonceText)},
                 {"typ", QStringLiteral("JWT")}});
    const QByteArray claims = encoded({{"sub", m_keyName},
                                       {"iss", QStringLiteral("cdp")},
                                       {"nbf", seconds},
                                       {"exp", seconds + lifetimeSeconds}});
    const QByteArray text = header + '.' + claims;
    QByteArray signature = sign(m_key->key.get(), m_key->isElliptic ? EVP_sha256() : nullptr, text);
    if (m_key->isElliptic)
        signature = rawSignature(signature);
    if (signature.isEmpty())
        return Error{Error::Kind::Internal, QStringLiteral("OpenSSL could not sign a token")};
    return text + '.' + base64Url(signature);
}

} // namespace tidemill::net
