// SPDX-License-Identifier: Apache-2.0
#include "history.h"
#include "session.h"

#include <tidemill/net/feed_source.h>
#include <tidemill/plugin.h>

#include <QSet>

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
        return OptionList{
                   Option("symbols", m_symbols, "Symbols in the spelling of WebSocket v2.")
                       .required()
                       .notEmpty()
                       .example("[BTC/USD]"),
                   Option("streams", m_streamNames,
                          "What to collect of each symbol: trade, ticker, book_DEPTH, ohlc_MINUTES.")
                       .required()
                       .notEmpty()
                       .example("[trade, book_10]"),
               } +
               FeedSource::options();
    }

    OptionErrors validate() override
    {
        OptionErrors errors = FeedSource::validate();
        const auto add = [&errors](const char *option, const QString &message) {
            errors.append({QLatin1String(option), message, {}, {}});
        };
        m_specs.clear();
        QSet<QByteArray> kinds; // a frame does not say which of two depths it belongs to
        for (const QString &name : std::as_const(m_streamNames)) {
            const auto spec = parseStreamName(name);
            if (!spec) {
                add("streams", spec.error().message);
                continue;
            }
            QByteArray kind = channelName(spec->channel);
            if (spec->channel == Channel::Ohlc)
                kind += QByteArray::number(spec->parameter);
            if (kinds.contains(kind))
                add("streams", QStringLiteral("'%1': there can be only one of its kind").arg(name));
            kinds.insert(kind);
            m_specs.append(*spec);
        }
        if (QSet<QString>(m_symbols.begin(), m_symbols.end()).size() != m_symbols.size())
            add("symbols", QStringLiteral("a symbol stands there twice"));
        return errors;
    }

    Result<> start() override
    {
        for (const QString &name : std::as_const(m_symbols)) {
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

    QStringList m_symbols;
    QStringList m_streamNames;
    QList<StreamSpec> m_specs;
    Streams m_bySymbol;
    Counter m_checksumFailures;
    History m_history{rest(), this};
};

} // namespace tidemill::kraken

using tidemill::kraken::Kraken;
TIDEMILL_PLUGIN(Kraken, "kraken.json")

#include "kraken.moc"
