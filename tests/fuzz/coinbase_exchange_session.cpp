// SPDX-License-Identifier: Apache-2.0
#include "../../plugins/sources/coinbase_exchange/session.h"
#include "session_feed.h"

// Whatever comes over a connection to Coinbase Exchange: nothing is read behind a frame's end, and no frame
// ends the process.
//
// Input: one frame a line.

using namespace tidemill;
using namespace tidemill::coinbase_exchange;

namespace {

struct Sessions : fuzz::KeptSession<Session, Streams>
{
    explicit Sessions(fuzz::SessionFeed &feed)
    {
        for (const Channel channel :
             {Channel::Ticker, Channel::Matches, Channel::Heartbeat, Channel::Level2Batch}) {
            add(feed, "BTC-USD"_sym, channelName(channel), channel == Channel::Matches);
            streams.add(channel, "BTC-USD"_sym);
        }
        begin(std::make_unique<Session>(feed.link, feed.source, streams));
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    fuzz::compareSessions("coinbase_exchange", fuzz::view(data, size),
                          [](fuzz::SessionFeed &feed) { return std::make_unique<Sessions>(feed); });
    return 0;
}
