// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QByteArrayView>

namespace tidemill::net {

enum class Opcode : quint8 {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
};

constexpr qsizetype maxControlPayload = 125;
// RSV1, as permessage-deflate uses it: set on the first frame of a packed message.
constexpr uchar packedBit = 0x40;

// One whole frame from client to server: final, masked with `mask`, the length in its shortest form.
QByteArray encodeFrame(Opcode opcode, QByteArrayView payload, quint32 mask, bool packed = false);

} // namespace tidemill::net
