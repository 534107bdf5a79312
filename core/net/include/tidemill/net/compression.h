// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QtGlobal>

namespace tidemill::net {

// permessage-deflate (RFC 7692) of one connection: what we ask for. The peer decides: if it does not answer,
// messages go as they are; an answer that does not fit our question ends the handshake.
//
// Off unless wanted. It trades CPU for traffic: with the peer's context kept, a trade frame of 170 bytes
// comes as 30 and costs some seven times the CPU of a plain one over TLS. Worth it where traffic is paid for
// or the line is slow. The exchanges we read today do not agree to it anyway.
struct Compression
{
    bool enabled = false;
    // The peer's messages refer to its earlier ones. Without, a feed of small messages hardly shrinks; but a
    // connection keeps no window of 32 KiB then.
    bool peerKeepsContext = true;
    bool weKeepContext = true;
    int peerWindowBits = 15; // 9..15; less makes the peer use a smaller window
    // Shorter messages of ours go unpacked. What we keep for packing, 256 KiB, comes with the first longer
    // one.
    qsizetype minimumBytes = 512;
};

} // namespace tidemill::net
