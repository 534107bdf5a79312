// SPDX-License-Identifier: Apache-2.0
#include "binance_feed.h"

// Whatever comes over a connection to Binance, frame by frame: nothing of a frame in error goes out, what
// lies behind a frame in the buffer changes nothing, and a book's updates continue each other or have a gap
// between them.
//
// Input: one frame a line. "rest {...}" is a REST reply with a book's snapshot, "rows [...]" one with trades
// or candles, "hex ..." a binary frame, "lost" the end of a connection.

using namespace tidemill;
using namespace tidemill::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    Feed blanks(' ');
    Feed digits('1');
    QByteArrayView rest = view(data, size);
    while (!rest.isEmpty()) {
        const qsizetype end = rest.indexOf('\n');
        const QByteArrayView line = end < 0 ? rest : rest.first(end);
        rest = end < 0 ? QByteArrayView() : rest.sliced(end + 1);
        blanks.take(line);
        digits.take(line);
    }
    require(blanks.printed() == digits.printed(), "what lies behind a frame changes nothing");
    return 0;
}
