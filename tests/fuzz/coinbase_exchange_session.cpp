// SPDX-License-Identifier: Apache-2.0
#include "../../plugins/sources/coinbase_exchange/session.h"
#include "session_feed.h"

// Whatever comes over a connection to Coinbase Exchange: nothing is read behind a frame's end, and no frame
// ends the process.
//
// Input: one frame a line.

using namespace tidemill;
using namespace tidemill::coinbase_exchange;
using Numbers = net::FeedSource::Numbers;

namespace {

// Keeps what the session refers to beside it.
struct Sessions : net::FeedSession
{
    explicit Sessions(fuzz::SessionFeed &feed)
    {
        int id = 0;
        QList<net::FeedStream> wanted;
        for (const Channel channel :
             {Channel::Ticker, Channel::Matches, Channel::Heartbeat, Channel::Level2Batch}) {
            const QByteArray name = channelName(channel);
            feed.source.addStream("BTC-USD"_sym, Symbol(name), name,
                                  channel == Channel::Matches ? Numbers::Trades : Numbers::None);
            streams.add(channel, "BTC-USD"_sym);
            wanted.append({id++, name});
        }
        session = std::make_unique<Session>(feed.link, feed.source, streams);
        session->subscribe(wanted);
    }

    void subscribe(const QList<net::FeedStream> &changed) override { session->subscribe(changed); }
    void unsubscribe(const QList<net::FeedStream> &changed) override { session->unsubscribe(changed); }
    void receive(const net::Frames &frames) override { session->receive(frames); }

    Streams streams;
    std::unique_ptr<Session> session;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    fuzz::compareSessions("coinbase_exchange", fuzz::view(data, size),
                          [](fuzz::SessionFeed &feed) { return std::make_unique<Sessions>(feed); });
    return 0;
}
