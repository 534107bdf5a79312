// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions.h"

#include <tidemill/net/headers.h>
#include <tidemill/result.h>

#include <QByteArray>
#include <QUrl>

#include <optional>

namespace tidemill::net {

// A reply may not be longer than this up to its blank line.
constexpr qsizetype maxReplyHeaderBytes = 16LL * 1024;

// The opening handshake of RFC 6455 section 4 as text; no I/O.
struct UpgradeReply
{
    int status = 0;
    QByteArray phrase;
    HeaderList headers;
};

// Whether such an address and such extra headers can be asked for at all.
Result<> checkUpgradeRequest(const QUrl &url, const HeaderList &headers);

// `key` is 16 random bytes in base64.
QByteArray upgradeRequest(const QUrl &url, const HeaderList &headers, QByteArrayView key,
                          const Compression &compression = {});

// Where the header block ends, its blank line included; -1 if the end has not come. A bound for what came
// without an end is the caller's.
qsizetype findReplyEnd(QByteArrayView received);

// `block` ends with the blank line. Strict: what does not look like HTTP/1.x is an error.
Result<UpgradeReply> parseUpgradeReply(QByteArrayView block);

// Whether the reply agrees to what upgradeRequest() asked for, and to nothing else. The result is what it
// says to the compression that was asked for, if anything.
Result<std::optional<DeflateAgreement>> checkUpgradeReply(const UpgradeReply &reply, QByteArrayView key,
                                                          const Compression &offered = {});

} // namespace tidemill::net
