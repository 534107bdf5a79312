// SPDX-License-Identifier: Apache-2.0
#include "json_session.h"
#include "pair_discovery.h"
#include "sbe_session.h"

#include <tidemill/plugin.h>

Q_LOGGING_CATEGORY(lcBinance, TIDEMILL_LOG_CATEGORY)

namespace tidemill::binance {

namespace {

constexpr auto jsonUrl = "wss://data-stream.binance.vision";
constexpr auto sbeUrl = "wss://stream-sbe.binance.com";
constexpr auto dataRestUrl = "https://data-api.binance.vision";
constexpr auto fullRestUrl = "https://api.binance.com"; // has what the one for market data lacks

bool hasRepeats(const QStringList &list)
{
    return QSet<QString>(list.begin(), list.end()).size() != list.size();
}

} // namespace

// Market data of Binance spot. What frames mean is in decoder.cpp and sbe_peek.cpp, how books come about in
// book_sync.cpp, which pairs the largest coins have in pair_mapping.cpp: none of them knows a network. All
// that is not Binance's is every source's.
class Binance final : public net::FeedSource
{
    Q_OBJECT

public:
    Binance() : FeedSource("binance", jsonUrl, dataRestUrl) {}

    OptionList options() override
    {
        return OptionList{
                   Option("symbols", m_symbols,
                          "Symbols in the exchange's spelling. May be left out with discover.top.")
                       .example("[BTCUSDT]"),
                   Option("streams", m_streamNames,
                          "What to collect of each symbol: trade, aggTrade, ticker or miniTicker, "
                          "bookTicker, kline_INTERVAL, depth[@100ms], depth5|10|20[@100ms]; with format "
                          "sbe: trade, bestBidAsk, depth, depth20.")
                       .required()
                       .notEmpty()
                       .example("[depth@100ms, trade]"),
                   Option("format", m_format,
                          "json, or sbe: binary frames, which go out as they are, for transform "
                          "sbe_decoder; needs api_key, and its url is wss://stream-sbe.binance.com.",
                          {QStringLiteral("json"), QStringLiteral("sbe")}),
                   Option("api_key", m_apiKey, "Ed25519 API key, for format sbe.").secret(),
                   Option("history_url", m_historyUrl,
                          "REST address for historical trades; empty: rest_url, or https://api.binance.com "
                          "where that is https://data-api.binance.vision, which has none."),
                   Option("combined", m_combined,
                          "Ask for frames that name their stream (/stream instead of /ws)."),
                   Option("books", m_books,
                          "Join depth streams with REST snapshots, so that books can be kept; false passes "
                          "changes only."),
                   Option("snapshot_depth", m_snapshotDepth, "Levels a side of a book snapshot.")
                       .atLeast(5)
                       .atMost(5000),
                   Option("microseconds", m_microseconds,
                          "Ask for times in microseconds instead of milliseconds."),
               } +
               m_discover.options() + FeedSource::options();
    }

    OptionErrors validate() override
    {
        OptionErrors errors = FeedSource::validate() + m_discover.validate();
        const auto expect = [&errors](bool good, const char *option, const QString &message) {
            if (!good)
                errors.append({QLatin1String(option), message, {}, {}});
        };
        m_specs.clear();
        bool hasPartial = false;
        for (const QString &name : std::as_const(m_streamNames)) {
            const auto spec = parseStreamSuffix(name, m_format);
            expect(spec.has_value(), "streams", spec ? QString() : spec.error().message);
            if (!spec)
                continue;
            m_specs.append(*spec);
            hasPartial = hasPartial || spec->kind == StreamKind::PartialDepth;
        }
        expect(!m_symbols.isEmpty() || m_discover.isWanted(), "symbols",
               QStringLiteral("must not be empty without discover.top"));
        expect(!hasRepeats(m_symbols), "symbols", QStringLiteral("a symbol stands there twice"));
        expect(!m_streamNames.contains(QLatin1String("ticker")) ||
                   !m_streamNames.contains(QLatin1String("miniTicker")),
               "streams", QStringLiteral("ticker says all that miniTicker does: choose one"));
        expect(!hasRepeats(m_streamNames), "streams", QStringLiteral("a stream stands there twice"));
        const bool isOne = m_symbols.size() == 1 && !m_discover.isWanted();
        expect(m_combined || !hasPartial || isOne || m_format == Format::Sbe, "combined",
               QStringLiteral("must be true: frames of depth5, depth10 and depth20 do not say which of the "
                              "symbols they are of"));
        expect(m_format == Format::Json || !m_apiKey.isEmpty(), "api_key",
               QStringLiteral("is required with format sbe"));
        const QString history = QUrl(m_historyUrl).scheme();
        expect(m_historyUrl.isEmpty() || history == QLatin1String("https") ||
                   history == QLatin1String("http"),
               "history_url",
               QStringLiteral("expected an address that begins with https:// (or http://), got '%1'")
                   .arg(m_historyUrl));
        return errors;
    }

    Result<> start() override
    {
        const QUrl restUrl(netOptions().restUrl);
        m_history.setUrls(restUrl, historyUrl());
        m_snapshots.setUrl(restUrl, m_snapshotDepth);
        m_candles.setLimit(netOptions().backfill ? netOptions().maxBackfill : 0);
        m_losses = counter("tidemill_connection_losses_total", "Connections lost, and attempts that failed.");
        watchRest(rest());
        watchRest(m_historyRest);
        connect(&m_snapshots, &BookSnapshots::refused, this, [this](const QString &reason) {
            emit degraded({Error::Kind::Network, reason});
        });

        if (const auto configured = m_historyRest.configure(restSettings()); !configured)
            return configured.error();
        setPairs(m_discover.isWanted() ? m_discover.fallback : QStringList());
        if (const auto opened = openFeed(feedPlan(), restSettings()); !opened)
            return opened.error();
        return m_discover.isWanted() && !isReplay() ? discover() : Result<>();
    }

    void stop() override
    {
        m_discovery.stop();
        m_snapshots.cancel();
        m_historyRest.cancel(this);
        // What was held back for a snapshot that will not come any more still goes out.
        for (StreamState &state : m_streams.all()) {
            if (state.book)
                state.book->disconnected(out());
        }
        FeedSource::stop();
        reportCandles();
    }

protected:
    std::unique_ptr<net::FeedSession> makeSession(net::FeedLink &link) override
    {
        if (m_format == Format::Sbe)
            return std::make_unique<SbeSession>(link, *this, m_streams);
        return std::make_unique<JsonSession>(link, *this, m_streams, m_snapshots, m_candles);
    }

    void fetchTrades(int id, qint64 first, qint64 last, net::Continuity<Trade>::Answer answer) override
    {
        m_history.fetchTrades(stream(id).symbol, first, last, std::move(answer));
    }

    void fetchAggTrades(int id, qint64 first, qint64 last, net::Continuity<AggTrade>::Answer answer) override
    {
        m_history.fetchAggTrades(stream(id).symbol, first, last, std::move(answer));
    }

    void timePassed(Timestamp now) override
    {
        for (StreamState &state : m_streams.all()) {
            if (state.book)
                state.book->expire(now, out());
        }
        m_snapshots.timePassed(now);
        flush();
        reportCandles();
        const quint64 losses = feed().figures().losses;
        m_losses.add(losses - std::exchange(m_lossesSeen, losses));
    }

    void streamInterrupted(int id) override
    {
        StreamState &state = m_streams[id];
        if (state.book)
            state.book->disconnected(out());
        if (state.candles)
            state.candles->interrupted();
        if (state.spec.kind != StreamKind::Depth)
            state.lastNumber = 0; // replaced by whatever comes
    }

private:
    QUrl historyUrl()
    {
        if (!m_historyUrl.isEmpty())
            return QUrl(m_historyUrl);
        const QString &url = netOptions().restUrl;
        return QUrl(url == QLatin1String(dataRestUrl) ? QLatin1String(fullRestUrl) : url);
    }

    net::FeedPlan feedPlan()
    {
        net::FeedPlan plan = netOptions().feedPlan();
        QUrl &url = plan.connection.url;
        if (m_format == Format::Sbe && url.toString() == QLatin1String(jsonUrl))
            url = QUrl(QLatin1String(sbeUrl));
        QString path = url.path();
        while (path.endsWith(QLatin1Char('/')))
            path.chop(1);
        url.setPath(path + (m_combined ? QStringLiteral("/stream") : QStringLiteral("/ws")));
        if (m_format == Format::Sbe) {
            plan.connection.headers.emplaceBack("X-MBX-APIKEY", m_apiKey.toUtf8());
            plan.connection.refusedPause = std::chrono::minutes(1);
        } else if (m_microseconds) {
            url.setQuery(QStringLiteral("timeUnit=MICROSECOND"));
        }
        // Pongs count among the five.
        plan.connection.controlLimit = {5, std::chrono::seconds(1), std::chrono::milliseconds(250)};
        plan.connection.connectLimit = {300, std::chrono::minutes(5), {}};
        return plan;
    }

    net::RestSettings restSettings()
    {
        net::RestSettings settings = netOptions().restSettings();
        settings.limits.wallClock = true;
        settings.limits.usedWeightHeader = "X-MBX-USED-WEIGHT-1M";
        settings.limits.blockingStatuses = {429, 418, 403};
        settings.backoff = {.initial = std::chrono::seconds(1), .max = std::chrono::seconds(30)};
        // A trade from history has the same time as a live one.
        if (m_microseconds || m_format == Format::Sbe)
            settings.headers.emplaceBack("X-MBX-TIME-UNIT", "MICROSECOND");
        return settings;
    }

    void watchRest(net::RestClient &client)
    {
        connect(&client, &net::RestClient::troubled, this, &Node::degraded);
        connect(&client, &net::RestClient::recovered, this, [this] {
            if (feed().isLive())
                emit recovered();
        });
    }

    Result<> discover()
    {
        m_failures =
            counter("tidemill_discovery_failures_total", "Look-ups of the largest coins that failed.");
        connect(&m_discovery, &PairDiscovery::failed, this, [this](const QString &reason) {
            m_failures.add();
            qCWarning(lcBinance).noquote()
                << context().name + QLatin1String(": the list of pairs stays as it is:") << reason;
        });
        connect(&m_discovery, &PairDiscovery::found, this, [this](const QStringList &pairs) {
            setPairs(pairs);
            applyStreams();
        });
        return m_discovery.start(m_discover, QUrl(netOptions().restUrl), netOptions().restSettings().http);
    }

    // From now on these pairs beside those of `symbols`.
    void setPairs(const QStringList &pairs)
    {
        const QStringList wanted = netOptions().ours(withAlways(m_symbols, pairs));
        const QSet<QString> kept(wanted.begin(), wanted.end());
        QStringList gone;
        for (auto pair = m_pairs.begin(); pair != m_pairs.end();) {
            if (kept.contains(pair.key())) {
                ++pair;
                continue;
            }
            for (const int id : std::as_const(*pair))
                leave(id);
            gone.append(pair.key());
            pair = m_pairs.erase(pair);
        }
        QStringList come;
        for (const QString &pair : wanted) {
            if (m_pairs.contains(pair))
                continue;
            for (const StreamSpec &spec : std::as_const(m_specs))
                m_pairs[pair].append(collect(pair, spec));
            come.append(pair);
        }
        if (!gone.isEmpty())
            flush();
        if (!gone.isEmpty() || !come.isEmpty())
            qCInfo(lcBinance).noquote()
                << context().name + QLatin1Char(':') << wanted.size() << "pairs; new:" << come.join(u' ')
                << (gone.isEmpty() ? QString() : QStringLiteral("gone: ") + gone.join(u' '));
    }

    int collect(const QString &pair, const StreamSpec &spec)
    {
        StreamState &state = m_streams.add(pair, spec);
        Numbers numbers = Numbers::Own;
        if (spec.kind == StreamKind::Trade)
            numbers = Numbers::Trades;
        else if (spec.kind == StreamKind::AggTrade)
            numbers = Numbers::AggTrades;
        else if (spec.kind == StreamKind::Depth && m_format == Format::Json)
            state.book = std::make_unique<BookSync>(state.symbol, state.stream, m_books);
        if (spec.kind == StreamKind::Kline) {
            state.candles = std::make_unique<CandleFill>();
            const QByteArray key = candleKey(state);
            const QByteArray saved =
                m_candlesReached.value(key, isReplay() ? QByteArray() : savedPosition(key));
            state.candles->resume({saved.toLongLong()});
        }
        return addStream(state.symbol, state.stream, state.name, numbers);
    }

    void leave(int id)
    {
        StreamState &state = m_streams[id];
        if (state.book)
            state.book->disconnected(out());
        m_streams.remove(id);
        removeStream(id);
    }

    void reportCandles()
    {
        for (const auto &[id, position] : m_candles.takeMoved()) {
            const QByteArray key = candleKey(m_streams[id]);
            if (!stream(id).wanted || isReplay())
                continue;
            m_candlesReached.insert(key, position);
            reached(key, position);
        }
    }

    static QByteArray candleKey(const StreamState &state)
    {
        return state.symbol.name().toByteArray() + ' ' + state.spec.suffix;
    }

    QStringList m_symbols;
    QStringList m_streamNames;
    Format m_format = Format::Json;
    QString m_apiKey;
    QString m_historyUrl;
    bool m_combined = true;
    bool m_books = true;
    qint64 m_snapshotDepth = 1000;
    bool m_microseconds = false;
    DiscoveryOptions m_discover;

    QList<StreamSpec> m_specs;
    Streams m_streams;
    QHash<QString, QList<int>> m_pairs;  // what is collected now
    net::RestClient m_historyRest{this}; // apart, so that one host's ban does not hold up the other
    History m_history{rest(), m_historyRest, this};
    BookSnapshots m_snapshots{*this, m_streams, rest()};
    CandleBackfill m_candles{*this, m_streams, m_history};
    QHash<QByteArray, QByteArray> m_candlesReached;
    PairDiscovery m_discovery{rest(), this};
    Counter m_losses;
    Counter m_failures;
    quint64 m_lossesSeen = 0;
};

} // namespace tidemill::binance

using tidemill::binance::Binance;
TIDEMILL_PLUGIN(Binance, "binance.json")

#include "binance.moc"
