// SPDX-License-Identifier: Apache-2.0
#include "coinbase_advanced/jwt.h"
#include "exchange_test.h"
#include "recordings.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;

namespace {

constexpr auto encoding = QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals;

// A key pair of the test's own, which signs as a client would.
class Signer
{
public:
    explicit Signer(int type)
        : m_key(type == EVP_PKEY_ED25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                         : EVP_EC_gen("P-256"))
        , m_edwards(type == EVP_PKEY_ED25519)
    {}
    ~Signer() { EVP_PKEY_free(m_key); }
    Signer(const Signer &) = delete;
    Signer &operator=(const Signer &) = delete;

    QByteArray publicPem() const
    {
        BIO *bio = BIO_new(BIO_s_mem());
        PEM_write_bio_PUBKEY(bio, m_key);
        char *bytes = nullptr;
        const long size = BIO_get_mem_data(bio, &bytes);
        const QByteArray pem(bytes, size);
        BIO_free(bio);
        return pem;
    }

    // A good token, unless something is replaced in header or claims.
    QByteArray token(const QJsonObject &more = {}, const QByteArray &nonce = "n1") const
    {
        const qint64 now = QDateTime::currentSecsSinceEpoch();
        QJsonObject header{{QStringLiteral("alg"), m_edwards ? "EdDSA" : "ES256"},
                           {QStringLiteral("kid"), QStringLiteral("a key")},
                           {QStringLiteral("nonce"), QString::fromLatin1(nonce)},
                           {QStringLiteral("typ"), QStringLiteral("JWT")}};
        QJsonObject claims{{QStringLiteral("sub"), QStringLiteral("a key")},
                           {QStringLiteral("iss"), QStringLiteral("cdp")},
                           {QStringLiteral("nbf"), now},
                           {QStringLiteral("exp"), now + 120}};
        for (auto member = more.begin(); member != more.end(); ++member)
            (header.contains(member.key()) ? header : claims)[member.key()] = member.value();
        const QByteArray input = part(header) + '.' + part(claims);
        return input + '.' + signature(input).toBase64(encoding);
    }

private:
    static QByteArray part(const QJsonObject &object)
    {
        return QJsonDocument(object).toJson(QJsonDocument::Compact).toBase64(encoding);
    }

    QByteArray signature(const QByteArray &input) const
    {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_DigestSignInit(context, nullptr, m_edwards ? nullptr : EVP_sha256(), nullptr, m_key);
        QByteArray bytes(128, '\0');
        std::size_t size = std::size_t(bytes.size());
        EVP_DigestSign(context, reinterpret_cast<unsigned char *>(bytes.data()), &size,
                       reinterpret_cast<const unsigned char *>(input.constData()), std::size_t(input.size()));
        EVP_MD_CTX_free(context);
        bytes.resize(qsizetype(size));
        if (m_edwards)
            return bytes;
        const auto *der = reinterpret_cast<const unsigned char *>(bytes.constData());
        ECDSA_SIG *pair = d2i_ECDSA_SIG(nullptr, &der, long(bytes.size()));
        QByteArray raw(64, '\0');
        BN_bn2binpad(ECDSA_SIG_get0_r(pair), reinterpret_cast<unsigned char *>(raw.data()), 32);
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), reinterpret_cast<unsigned char *>(raw.data()) + 32, 32);
        ECDSA_SIG_free(pair);
        return raw;
    }

    EVP_PKEY *m_key;
    bool m_edwards;
};

} // namespace

// The tokens of Coinbase Advanced Trade.
class tst_ExchangeTokens : public QObject
{
    Q_OBJECT

private slots:
    void tokensAreVerified_data()
    {
        QTest::addColumn<int>("type");

        QTest::newRow("ES256") << EVP_PKEY_EC;
        QTest::newRow("EdDSA") << EVP_PKEY_ED25519;
    }

    void tokensAreVerified()
    {
        QFETCH(int, type);
        const Signer signer(type);
        const Signer stranger(type);
        coinbase_advanced::JwtVerifier verifier(signer.publicPem(), "a key");
        const qint64 now = QDateTime::currentSecsSinceEpoch();
        const auto problem = [&](const QByteArray &token) { return verifier.problem(token, now); };

        QCOMPARE(problem(signer.token()), QString());
        QVERIFY(problem(signer.token()).contains(u"nonce"));
        QVERIFY(problem(stranger.token({}, "n2")).contains(u"signature"));
        QVERIFY(!problem(signer.token({{QStringLiteral("uri"), QStringLiteral("GET x")}}, "n3")).isEmpty());
        QVERIFY(!problem(signer.token({{QStringLiteral("exp"), now + 121}}, "n4")).isEmpty());
        QVERIFY(!problem(signer.token({{QStringLiteral("kid"), QStringLiteral("another")}}, "n5")).isEmpty());
        QVERIFY(!problem(signer.token({{QStringLiteral("sub"), QStringLiteral("another")}}, "n6")).isEmpty());
        QVERIFY(!problem(signer.token({{QStringLiteral("iss"), QStringLiteral("me")}}, "n7")).isEmpty());
        QVERIFY(!problem(signer.token({{QStringLiteral("alg"), QStringLiteral("none")}}, "n8")).isEmpty());
        QVERIFY(!verifier.problem(signer.token({}, "n9"), now + 200).isEmpty());
        QVERIFY(!problem(signer.token({}, "n10").chopped(4)).isEmpty());
        QVERIFY(!problem({}).isEmpty());
    }

    // About one signature in 128 has a number that would be shorter than 32 bytes.
    void shortNumbersInSignaturesAreFine()
    {
        const Signer signer(EVP_PKEY_EC);
        coinbase_advanced::JwtVerifier verifier(signer.publicPem(), {});
        const qint64 now = QDateTime::currentSecsSinceEpoch();

        for (int count = 0; count < 300; ++count)
            QCOMPARE(verifier.problem(signer.token({}, QByteArray::number(count)), now), QString());
    }

    void aTokenIsAskedForWhenThereIsAKey()
    {
        const Signer signer(EVP_PKEY_EC);
        Settings settings;
        settings.protocol = ProtocolName::CoinbaseAdvanced;
        settings.jwtKey = signer.publicPem();
        settings.jwtKeyName = "a key";
        FakeExchange exchange(settings);
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        exchange.generate({.symbols = {"BTC-USD"}});
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(subscribe());
        QVERIFY(client.waitFrames(1));
        QCOMPARE(client.frames[0], "{\"type\":\"error\",\"message\":\"authentication failure\"}");
        client.socket.sendTextMessage(subscribe(",\"jwt\":\"" + signer.token() + '"'));
        QVERIFY(client.waitFrames(3));
        QCOMPARE(json(client.frames[1])[u"channel"].toString(), QStringLiteral("ticker"));
    }

    void publishedTokenVerifies()
    {
        QFile file(recording("jwt/rfc7515.pem"));
        if (!file.open(QIODevice::ReadOnly))
            QSKIP("the key is not here");
        coinbase_advanced::JwtVerifier verifier(file.readAll(), {});

        const QByteArray input =
            "eyJhbGciOiJFUzI1NiJ9."
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb2"
            "90Ijp0cnVlfQ";
        const QByteArray signature = QByteArray::fromBase64(
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            encoding);

        QVERIFY(verifier.verifies(input, signature));
        QVERIFY(!verifier.verifies(input + 'A', signature));
    }

private:
    static QString subscribe(const QByteArray &more = {})
    {
        return QStringLiteral(
                   "{\"type\":\"subscribe\",\"channel\":\"ticker\",\"product_ids\":[\"BTC-USD\"]%1}")
            .arg(QString::fromLatin1(more));
    }
};

QTEST_GUILESS_MAIN(tst_ExchangeTokens)

#include "tst_exchange_tokens.moc"
