// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QSet>
#include <QString>

#include <memory>

struct evp_pkey_st;

namespace tidemill::exchange::coinbase_advanced {

// Checks the tokens of one API key: signature (ES256 or EdDSA), claims, and that none is used twice.
class JwtVerifier
{
public:
    // `key`: PEM, private or public, or base64 of a private Ed25519 key; empty: no tokens are asked for.
    // `name`: its kid.
    JwtVerifier(const QByteArray &key, const QByteArray &name);

    bool isNeeded() const { return m_needed; }
    // What is wrong with `token` at `now` (Unix seconds); empty when nothing is.
    QString problem(const QByteArray &token, qint64 now);
    // Whether the 64 bytes of `signature` are the key's for `signingInput`. There must be a usable key.
    bool verifies(const QByteArray &signingInput, const QByteArray &signature) const;

private:
    struct Free
    {
        void operator()(evp_pkey_st *key) const;
    };

    bool isEdwards() const;

    bool m_needed;
    QByteArray m_name;
    std::unique_ptr<evp_pkey_st, Free> m_key;
    QSet<QString> m_nonces;
};

} // namespace tidemill::exchange::coinbase_advanced
