// SPDX-License-Identifier: Apache-2.0
#include "gap_candles.h"
#include "history.h"
#include "session.h"

#include <tidemill/net/wanted_streams.h>
#include <tidemill/plugin.h>

namespace tidemill::coinbase_exchange {

// Market data of Coinbase Exchange. What frames mean is in session.cpp, the exchange's history in
// history.cpp and gap_candles.cpp; all else is every source's.
class CoinbaseExchange final : public net::FeedSource
{
    Q_OBJECT

public:
    CoinbaseExchange()
        : FeedSource("coinbase_exchange", "wss://ws-feed.exchange.coinbase.com",
                     "https://api.exchange.coinbase.com")
    {}

    OptionList options() override
    {
        return m_wanted.options("Products, as in BTC-USD.", "[BTC-USD]",
                                "What to collect of each product: ticker, ticker_batch, matches, "
                                "heartbeat, level2_batch; and status, of all products.",
                                "[ticker, matches]") +
               OptionList{
                   Option("gap_candles", m_candleLength,
                          "Where trades are missing for good, emit the candles of that time, of this length.",
                          candleLengthNames()),
               } +
               FeedSource::options();
    }

    OptionErrors validate() override
    {
        OptionErrors errors = FeedSource::validate();
        m_channels = m_wanted.parsed(&parseChannel, std::identity(), "product", errors);
        if (m_channels.contains(Channel::Ticker) && m_channels.contains(Channel::TickerBatch))
            errors.append({QStringLiteral("streams"),
                           QStringLiteral("ticker and ticker_batch send the same frames: choose one"),
                           {},
                           {}});
        if (m_candleLength != CandleLength::None && !m_channels.contains(Channel::Matches))
            errors.append({QStringLiteral("gap_candles"),
                           QStringLiteral("is of use only with the stream matches, for holes in it"),
                           {},
                           {}});
        return errors;
    }

    Result<> start() override
    {
        // A replay asks for nothing, so what is missing in it does not tell what was missing then.
        if (!isReplay() && m_candleLength != CandleLength::None) {
            m_gapCandles.configure(m_candleLength);
            connect(this, &Source::emitted, this,
                    [this](const BatchPtr &batch) { m_gapCandles.follow(*batch); });
        }
        for (const QString &name : netOptions().ours(m_wanted.symbols)) {
            const Symbol product(name.toUtf8());
            for (const Channel channel : std::as_const(m_channels)) {
                if (channel != Channel::Status)
                    collect(product, channel);
            }
            // Tells which trades there should have been, and that a quiet product is not dead.
            if (m_channels.contains(Channel::Matches) && !m_channels.contains(Channel::Heartbeat))
                collect(product, Channel::Heartbeat);
        }
        if (m_channels.contains(Channel::Status))
            collect({}, Channel::Status);
        m_history.setUrl(QUrl(netOptions().restUrl));

        net::FeedPlan plan = netOptions().feedPlan();
        plan.connection.controlLimit = {50, std::chrono::seconds(1), {}};
        plan.connection.connectLimit = {8, std::chrono::seconds(1), {}};
        plan.connection.subscribeTimeout = std::chrono::seconds(10);
        net::RestSettings rest = netOptions().restSettings();
        rest.limits.weight = 10;
        rest.limits.window = std::chrono::seconds(1);
        rest.limits.defaultRetryAfter = std::chrono::seconds(1);
        return openFeed(plan, rest);
    }

protected:
    std::unique_ptr<net::FeedSession> makeSession(net::FeedLink &link) override
    {
        return std::make_unique<Session>(link, *this, m_streams);
    }

    void fetchTrades(int id, qint64 first, qint64 last, History::Answer answer) override
    {
        m_history.fetch(stream(id).symbol, first, last, answer);
    }

    void timePassed(Timestamp now) override { m_gapCandles.tick(now); }

    // Sequences begin anew with a connection as far as we are concerned: the exchange may have switched over.
    void streamInterrupted(int id) override { m_streams[id].sequence = 0; }

private:
    void collect(Symbol product, Channel channel)
    {
        const QByteArray name = channelName(channel);
        addStream(product, Symbol(name), product.name().toByteArray() + ' ' + name,
                  channel == Channel::Matches     ? Numbers::Trades
                  : channel == Channel::Heartbeat ? Numbers::Pulse
                                                  : Numbers::None);
        m_streams.add(channel, product);
        if (channel == Channel::Matches)
            m_gapCandles.addStream(streamCount() - 1, savedPosition(candleKey(product)));
    }

    // Candles of another length begin anew.
    QByteArray candleKey(Symbol product) const
    {
        return product.name().toByteArray() + " gap_candles " +
               candleLengthNames().at(int(m_candleLength)).toLatin1();
    }

    net::WantedStreams m_wanted;
    QList<Channel> m_channels;
    Streams m_streams;
    CandleLength m_candleLength = CandleLength::None;
    History m_history{rest(), this};
    GapCandles m_gapCandles{*this, m_history, [this](int id, const QByteArray &position) {
                                reached(candleKey(stream(id).symbol), position);
                            }};
};

} // namespace tidemill::coinbase_exchange

using tidemill::coinbase_exchange::CoinbaseExchange;
TIDEMILL_PLUGIN(CoinbaseExchange, "coinbase_exchange.json")

#include "coinbase_exchange.moc"
