// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/compression.h>
#include <tidemill/result.h>

#include <QByteArray>
#include <QByteArrayView>

#include <optional>

namespace tidemill::net {

// What both sides agreed on for permessage-deflate.
struct DeflateAgreement
{
    bool peerKeepsContext = true;
    bool weKeepContext = true;
    int peerWindowBits = 15;
    int ourWindowBits = 15;
};

// Whether this can be asked for at all.
Result<> checkCompression(const Compression &wanted);

// The value of Sec-WebSocket-Extensions in our request; empty if nothing is wanted.
QByteArray extensionOffer(const Compression &wanted);

// The peer's answer: all its fields of that name, joined by commas. Nothing if it agrees to nothing; an error
// for whatever does not answer what extensionOffer() asked.
Result<std::optional<DeflateAgreement>> readExtensionAnswer(QByteArrayView answer,
                                                            const Compression &offered);

} // namespace tidemill::net
