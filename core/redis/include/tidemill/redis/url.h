// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QByteArray>
#include <QString>

namespace tidemill::redis {

// Where a Redis is and who we are there:
//
//     redis://[[user]:[password]@]host[:6379][/db]     "redis://:secret@host" is a password without a user
//     rediss://...                                     the same over TLS
//     unix://[[user]:password@]/path/redis.sock[?db=n]
//
// User and password are percent-decoded.
struct Url
{
    QString host; // without the brackets of an IPv6 address
    quint16 port = 6379;
    QString socketPath; // not empty: a Unix socket, host and port mean nothing
    QByteArray user;
    QByteArray password;
    int database = 0;
    bool isSecure = false;

    // The error never repeats the text, which may hold a password.
    static Result<Url> parse(const QString &text);

    // For messages: "host:6379", "/path/redis.sock". No user, no password.
    QString place() const;
};

} // namespace tidemill::redis
