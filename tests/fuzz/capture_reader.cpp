// SPDX-License-Identifier: Apache-2.0
#include "capture_reader.h"

#include "fuzz.h"
#include "tape_reader.h"

#include <QBuffer>

// Whatever a capture or a tape holds: reading it ends, frames lie within memory that may be read 64 bytes
// beyond them, it reads the same twice, and no more is torn than there is.
//
// Input: one byte, then the file. If that byte is odd, the file is a capture of the records that follow it,
// in blocks of its own making; 2 modulo 4: a tape; otherwise the bytes are the file.

using namespace tidemill;
using namespace tidemill::fuzz;
using namespace tidemill::net;

namespace {

quint64 sumOf(const RecordedEvent &event)
{
    quint64 sum = quint64(event.connection) + quint64(event.time.ns);
    for (const QByteArray &name : event.names)
        sum += quint64(name.size());
    for (const Frame &frame : event.frames) {
        for (qsizetype i = 0; i < frame.payload.size() + capture::padding; ++i)
            sum += quint8(frame.payload.data()[i]);
    }
    return sum;
}

// Reads it all, twice, and the same.
template<typename Reader>
void readAll(QByteArray bytes)
{
    quint64 sums[2] = {};
    for (quint64 &sum : sums) {
        QBuffer buffer(&bytes);
        buffer.open(QIODevice::ReadOnly);
        Reader reader(buffer);
        for (RecordedEvent event; reader.next(event);)
            sum = sum * 31 + sumOf(event);
        if constexpr (requires { reader.damagedBytes(); })
            require(reader.tornBytes() <= bytes.size(), "no more is torn than there is");
    }
    require(sums[0] == sums[1], "what is read is the same twice");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    if (size == 0)
        return 0;
    const QByteArray given = view(data + 1, size - 1).toByteArray();
    if (data[0] % 2 == 1) {
        // In two blocks, so that records are cut.
        const qsizetype half = given.size() / 2;
        readAll<CaptureReader>(capture::fileMagic.toByteArray() + capture::packBlock(given.first(half), 0) +
                               capture::packBlock(given.sliced(half), 1));
    } else if (data[0] % 4 == 2) {
        readAll<TapeReader>(given);
    } else {
        readAll<CaptureReader>(given);
    }
    (void)capture::masked(given);
    (void)capture::unpackNames(given);
    return 0;
}
