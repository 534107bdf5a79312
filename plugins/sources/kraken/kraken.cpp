// SPDX-License-Identifier: Apache-2.0
#include "history.h"
#include "session.h"

#include <tidemill/net/wanted_streams.h>
#include <tidemill/plugin.h>

namespace tidemill::kraken {

// Market data of Kraken. What frames mean is in session.cpp, Kraken's kind of book in book.cpp, its history
// in history.cpp; all else is every source's.
class Kraken final : public net::FeedSource
{
    Q_OBJECT

public:
    Kraken() : FeedSource("kraken", "wss://ws.kraken.com/v2", "https://api.kraken.com") {}

    OptionList options() override
    {
        return m_wanted.options("Symbols in the spelling of WebSocket v2.", "[BTC/USD]",
                                "What to collect of each symbol: trade, ticker, book_DEPTH, ohlc_MINUTES.",
                                "[trade, book_10]") +
               FeedSource::options();
    }

    OptionErrors validate() override
    {
        OptionErrors errors = FeedSource::validate();
        // A frame does not say which of two depths it belongs to.
        const auto kindOf = [](const StreamSpec &spec) {
            return std::pair(spec.channel, spec.channel == Channel::Ohlc ? spec.parameter : 0);
        };
        m_specs = m_wanted.parsed(&parseStreamName, kindOf, "symbol", errors);
        return errors;
    }

    Result<> start() override
    {
        for (const QString &name : netOptions().ours(m_wanted.symbols)) {
            const Symbol symbol(name.toUtf8());
            for (const StreamSpec &spec : std::as_const(m_specs)) {
                const bool hasIds = spec.channel == Channel::Trade;
                addStream(symbol, Symbol(spec.name), name.toUtf8() + ' ' + spec.name,
                          hasIds ? Numbers::Trades : Numbers::None);
                m_bySymbol.add(symbol, spec);
            }
        }
        m_checksumFailures = counter("tidemill_book_checksum_failures_total",
                                     "Books that did not agree with the exchange's checksum.");
        m_history.setUrl(QUrl(netOptions().restUrl));

        net::FeedPlan plan = feedPlan();
        plan.connection.controlLimit = {20, std::chrono::seconds(1), std::chrono::milliseconds(50)};
        plan.connection.connectLimit = {150, std::chrono::minutes(10), {}};
        net::RestSettings rest = netOptions().restSettings();
        rest.limits.weight = 15; // one a second, in the long run
        rest.limits.window = std::chrono::seconds(15);
        return openFeed(plan, rest);
    }

protected:
    std::unique_ptr<net::FeedSession> makeSession(net::FeedLink &link) override
    {
        return std::make_unique<Session>(link, *this, m_bySymbol, m_checksumFailures);
    }

    void fetchTrades(int id, qint64 first, qint64 last, History::Answer answer) override
    {
        m_history.fetch(stream(id).symbol, stream(id).lastTradeAt, first, last, answer);
    }

    void streamInterrupted(int id) override { m_bySymbol[id].closer.interrupted(); }

private:
    net::FeedPlan feedPlan() { return netOptions().feedPlan(); }

    net::WantedStreams m_wanted;
    QList<StreamSpec> m_specs;
    Streams m_bySymbol;
    Counter m_checksumFailures;
    History m_history{rest(), this};
};

} // namespace tidemill::kraken

using tidemill::kraken::Kraken;
TIDEMILL_PLUGIN(Kraken, "kraken.json")

#include "kraken.moc"
