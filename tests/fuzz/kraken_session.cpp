// SPDX-License-Identifier: Apache-2.0
#include "../../plugins/sources/kraken/session.h"
#include "session_feed.h"

// Whatever comes over a connection to Kraken: nothing is read behind a frame's end, and no frame ends the
// process.
//
// Input: one frame a line.

using namespace tidemill;
using namespace tidemill::kraken;

namespace {

struct Sessions : fuzz::KeptSession<Session, Streams>
{
    explicit Sessions(fuzz::SessionFeed &feed)
    {
        for (const char *name : {"trade", "book_10", "ticker", "ohlc_5"}) {
            const auto spec = parseStreamName(QLatin1String(name));
            add(feed, "BTC/USD"_sym, name, spec->channel == Channel::Trade);
            streams.add("BTC/USD"_sym, *spec);
        }
        begin(std::make_unique<Session>(feed.link, feed.source, streams, Counter()));
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    fuzz::compareSessions("kraken", fuzz::view(data, size),
                          [](fuzz::SessionFeed &feed) { return std::make_unique<Sessions>(feed); });
    return 0;
}
