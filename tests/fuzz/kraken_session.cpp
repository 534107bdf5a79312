// SPDX-License-Identifier: Apache-2.0
#include "../../plugins/sources/kraken/session.h"
#include "session_feed.h"

// Whatever comes over a connection to Kraken: nothing is read behind a frame's end, and no frame ends the
// process.
//
// Input: one frame a line.

using namespace tidemill;
using namespace tidemill::kraken;
using Numbers = net::FeedSource::Numbers;

namespace {

// Keeps what the session refers to beside it.
struct Sessions : net::FeedSession
{
    explicit Sessions(fuzz::SessionFeed &feed)
    {
        int id = 0;
        QList<net::FeedStream> wanted;
        for (const char *name : {"trade", "book_10", "ticker", "ohlc_5"}) {
            const auto spec = parseStreamName(QLatin1String(name));
            feed.source.addStream("BTC/USD"_sym, Symbol(name), name,
                                  spec->channel == Channel::Trade ? Numbers::Trades : Numbers::None);
            streams.add("BTC/USD"_sym, *spec);
            wanted.append({id++, name});
        }
        session = std::make_unique<Session>(feed.link, feed.source, streams, Counter());
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
    fuzz::compareSessions("kraken", fuzz::view(data, size),
                          [](fuzz::SessionFeed &feed) { return std::make_unique<Sessions>(feed); });
    return 0;
}
