// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/export.h>
#include <tidemill/result.h>
#include <tidemill/timestamp.h>

#include <QByteArray>
#include <QString>

#include <memory>

namespace tidemill::net {

// Signs the short-lived tokens (RFC 7519) by which Coinbase's Advanced Trade API knows its users: ES256 for
// keys on the curve P-256, EdDSA for Ed25519 keys. Holds the private key; nothing prints it. Cheap to copy.
// One thread.
class TIDEMILL_NET_EXPORT JwtSigner
{
public:
    // `secret` is the private key as people have it: PEM (SEC 1 or PKCS #8), also with the two characters \n
    // in the place of line ends, as in environment variables; or base64 of an Ed25519 key of 32 or 64 bytes.
    // The error says what was expected and never repeats any of it.
    static Result<JwtSigner> make(const QString &keyName, const QString &secret);

    // A token that is valid for two minutes from `now`, with a nonce of its own. It has no uri claim, as
    // tokens for WebSockets must not have one.
    Result<QByteArray> token(Timestamp now) const;

private:
    struct Key;

    QString m_keyName;
    std::shared_ptr<const Key> m_key;
};

} // namespace tidemill::net
