// SPDX-License-Identifier: Apache-2.0
#include "websocket_received.h"

#include <algorithm>
#include <cstring>
#include <random>

// Whatever a server sends behind its handshake, packed messages included: views lie within what was received
// and can be read 64 bytes beyond, no message is longer than the limit, one parse() unpacks a bounded amount,
// and how the bytes were cut on their way changes nothing.
//
// Input: one byte for the limit, its highest bit for compression; one byte for how the bytes are cut, its
// highest bit for a buffer that is nearly full; then what the server sends.

using namespace tidemill;
using namespace tidemill::fuzz;

namespace {

// As much as leaves less room behind it than a read wants, so that the reader has to move what it keeps.
QByteArray nearlyFull()
{
    return (QByteArray("\x8a\x7d", 2) + QByteArray(maxControlPayload, 'p')).repeated(1600);
}

// `ahead` comes with the first piece.
template<typename Step>
Received readAll(QByteArrayView bytes, qsizetype ahead, qsizetype limit, bool packed, Step step)
{
    FrameReader reader;
    reader.reset(limit, packed ? std::make_unique<Inflater>() : nullptr);
    Received received;
    while (!bytes.isEmpty() && !reader.failure() && !reader.close()) {
        const std::span<char> space = reader.space();
        require(!space.empty(), "there is room for more");
        const qsizetype size = std::min({ahead + step(), bytes.size(), qsizetype(space.size())});
        std::memcpy(space.data(), bytes.data(), std::size_t(size));
        bytes = bytes.sliced(size);
        ahead = 0;
        reader.commit(size);
        const QByteArrayView buffer(space.data() + space.size() - reader.capacity(), space.data() + size);
        do {
            reader.parse();
            take(reader, buffer, limit, packed, received);
        } while (reader.hasMore());
    }
    return received;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    if (size < 2)
        return 0;
    const qsizetype limit = qsizetype(1) << (data[0] % 21); // to 1 MiB
    const bool packed = data[0] >= 128;
    static const QByteArray full = nearlyFull();
    const QByteArray before = data[1] >= 128 ? full : QByteArray();
    const QByteArray bytes = before + view(data + 2, size - 2).toByteArray();
    std::minstd_rand random(data[1] + 1U);

    const auto all = [] { return qsizetype(1) << 30; };
    const auto some = [&random] { return qsizetype(1 + random() % 9); };
    const Received whole = readAll(bytes, before.size(), limit, packed, all);
    const Received cut = readAll(bytes, before.size(), limit, packed, some);
    require(whole == cut, "it does not matter how the bytes were cut");
    return 0;
}
