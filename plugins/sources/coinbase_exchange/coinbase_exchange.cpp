// SPDX-License-Identifier: Apache-2.0
#include "history.h"
#include "session.h"

#include <tidemill/plugin.h>

#include <QSet>

namespace tidemill::coinbase_exchange {

// Market data of Coinbase Exchange. What frames mean is in session.cpp, the exchange's history in
// history.cpp; all else is every source's.
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
        return OptionList{
                   Option("symbols", m_symbols, "Products, as in BTC-USD.")
                       .required()
                       .notEmpty()
                       .example("[BTC-USD]"),
                   Option("streams", m_streamNames,
                          "What to collect of each product: ticker, ticker_batch, matches, level2_batch; and "
                          "status, of all products.")
                       .required()
                       .notEmpty()
                       .example("[ticker, matches]"),
               } +
               FeedSource::options();
    }

    OptionErrors validate() override
    {
        OptionErrors errors = FeedSource::validate();
        const auto add = [&errors](const char *option, const QString &message) {
            errors.append({QLatin1String(option), message, {}, {}});
        };
        m_channels.clear();
        for (const QString &name : std::as_const(m_streamNames)) {
            const auto channel = parseChannel(name);
            if (!channel)
                add("streams", channel.error().message);
            else if (m_channels.contains(*channel))
                add("streams", QStringLiteral("'%1' stands there twice").arg(name));
            else
                m_channels.append(*channel);
        }
        if (m_channels.contains(Channel::Ticker) && m_channels.contains(Channel::TickerBatch))
            add("streams", QStringLiteral("ticker and ticker_batch send the same frames: choose one"));
        if (QSet<QString>(m_symbols.begin(), m_symbols.end()).size() != m_symbols.size())
            add("symbols", QStringLiteral("a product stands there twice"));
        return errors;
    }

    Result<> start() override
    {
        for (const QString &name : std::as_const(m_symbols)) {
            const Symbol product(name.toUtf8());
            for (const Channel channel : std::as_const(m_channels)) {
                if (channel != Channel::Status)
                    collect(product, channel);
            }
            // Tells which trades there should have been, and that a quiet product is not dead.
            if (m_channels.contains(Channel::Matches))
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
    }

    QStringList m_symbols;
    QStringList m_streamNames;
    QList<Channel> m_channels;
    Streams m_streams;
    History m_history{rest(), this};
};

} // namespace tidemill::coinbase_exchange

using tidemill::coinbase_exchange::CoinbaseExchange;
TIDEMILL_PLUGIN(CoinbaseExchange, "coinbase_exchange.json")

#include "coinbase_exchange.moc"
