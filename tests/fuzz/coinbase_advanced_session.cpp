// SPDX-License-Identifier: Apache-2.0
#include "../../plugins/sources/coinbase_advanced/session.h"
#include "session_feed.h"

// Whatever comes over a connection to Coinbase Advanced Trade: nothing is read behind a frame's end, and no
// frame ends the process.
//
// Input: one frame a line.

using namespace tidemill;
using namespace tidemill::coinbase_advanced;

namespace {

struct Metrics
{
    CandleMetrics metrics;
};

// They outlive the session.
struct Sessions : private Metrics, fuzz::KeptSession<Session, Streams>
{
    explicit Sessions(fuzz::SessionFeed &feed)
    {
        for (const Channel channel :
             {Channel::Candles, Channel::Ticker, Channel::MarketTrades, Channel::Level2}) {
            add(feed, "BTC-USD"_sym, channelName(channel), channel == Channel::MarketTrades);
            streams.add(channel, "BTC-USD"_sym);
        }
        begin(std::make_unique<Session>(feed.link, feed.source, streams, metrics, nullptr));
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    fuzz::compareSessions("coinbase_advanced", fuzz::view(data, size),
                          [](fuzz::SessionFeed &feed) { return std::make_unique<Sessions>(feed); });
    return 0;
}
