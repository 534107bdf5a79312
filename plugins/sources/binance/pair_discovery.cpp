// SPDX-License-Identifier: Apache-2.0
#include "pair_discovery.h"

#include "history.h"

#include <QUrlQuery>

#include <algorithm>

namespace tidemill::binance {

namespace {

constexpr int coinsPerPage = 250;
// Less than half of the coins have a pair here, so more are asked for than are wanted; not endlessly.
constexpr int maxPages = 20;
constexpr int exchangeInfoWeight = 20;
constexpr int attempts = 3; // of each request; then the round has failed, and is counted

// Its host and its header go together: a key of one plan is refused by the host of the other.
bool usesProHost(const DiscoveryOptions &options)
{
    return !options.coinsKey.isEmpty() && options.plan == DiscoveryOptions::Plan::Pro;
}

QString coinsUrlOf(const DiscoveryOptions &options)
{
    return usesProHost(options) ? QStringLiteral("https://pro-api.coingecko.com/api/v3")
                                : QStringLiteral("https://api.coingecko.com/api/v3");
}

} // namespace

OptionList DiscoveryOptions::options()
{
    return {
        Option("discover.top", top,
               "Collect the pairs of so many of the largest coins, by CoinGecko's list, beside `symbols`; 0: "
               "none.")
            .atLeast(0)
            .atMost(2000),
        Option("discover.quote", quote, "The asset that the pairs are quoted in.").notEmpty(),
        Option("discover.refresh", refresh, "The list is looked up again after so long.").atLeast(1000),
        Option("discover.fallback", fallback,
               "Pairs that are collected in any case: from the start, and if they are no longer among the "
               "largest."),
        Option("discover.exclude", exclude, "Coins that are left out: stablecoins."),
        Option("discover.coingecko_url", coinsUrl, "CoinGecko's address; empty: that of discover.plan."),
        Option("discover.coingecko_key", coinsKey, "Key for CoinGecko.").secret(),
        Option("discover.plan", plan, "The plan that the key belongs to; no matter without one.",
               {QStringLiteral("demo"), QStringLiteral("pro")}),
    };
}

OptionErrors DiscoveryOptions::validate() const
{
    OptionErrors errors;
    const auto expect = [&errors](bool good, const char *option, const QString &message) {
        if (!good)
            errors.append({QLatin1String(option), message, {}, {}});
    };
    const QString scheme = QUrl(coinsUrl).scheme();
    expect(
        coinsUrl.isEmpty() || scheme == QLatin1String("https") || scheme == QLatin1String("http"),
        "discover.coingecko_url",
        QStringLiteral("expected an address that begins with https:// (or http://), got '%1'").arg(coinsUrl));
    return errors;
}

PairDiscovery::PairDiscovery(net::RestClient &exchange, QObject *parent)
    : QObject(parent)
    , m_exchange(exchange)
{
    m_timer.setSingleShot(true);
    connect(&m_timer, &QTimer::timeout, this, &PairDiscovery::begin);
    // It tries again by itself, but somebody should know.
    connect(&m_coinsRest, &net::RestClient::troubled, this,
            [this](const Error &cause) { emit failed(cause.message); });
}

Result<> PairDiscovery::start(const DiscoveryOptions &options, const QUrl &exchangeUrl,
                              const net::HttpSettings &http)
{
    m_options = options;
    m_exchangeUrl = exchangeUrl;
    m_rules.limit = options.top;
    for (const QString &base : options.exclude)
        m_rules.excluded.insert(base.toUpper());
    if (m_options.coinsUrl.isEmpty())
        m_options.coinsUrl = coinsUrlOf(options);
    net::RestSettings settings;
    settings.http = http;
    if (!options.coinsKey.isEmpty())
        settings.headers.emplaceBack(usesProHost(options) ? "x-cg-pro-api-key" : "x-cg-demo-api-key",
                                     options.coinsKey.toUtf8());
    settings.limits.weight = 30; // of the plans that cost nothing
    settings.limits.usable = 1;
    settings.backoff = {.initial = std::chrono::seconds(1), .max = std::chrono::minutes(1)};
    settings.attempts = attempts;
    if (const auto configured = m_coinsRest.configure(settings); !configured)
        return configured.error();
    m_timer.start(0);
    return {};
}

void PairDiscovery::stop()
{
    m_timer.stop();
    m_exchange.cancel(this);
    m_coinsRest.cancel(this);
}

void PairDiscovery::begin()
{
    m_coins.clear();
    m_exchange.get({.url = apiUrl(m_exchangeUrl, "exchangeInfo", {}, {}),
                    .weight = exchangeInfoWeight,
                    .attempts = attempts},
                   this, [this](const net::HttpReply &reply) {
                       if (!reply.isSuccess())
                           return fail(restError("exchangeInfo", reply));
                       auto tradable = decodeExchangeInfo(reply.body, m_options.quote);
                       if (!tradable)
                           return fail(tradable.error());
                       m_tradable = *std::move(tradable);
                       fetchCoins(1);
                   });
}

void PairDiscovery::fetchCoins(int page)
{
    QUrl url(m_options.coinsUrl);
    url.setPath(url.path() + QStringLiteral("/coins/markets"));
    QUrlQuery query;
    query.addQueryItem(QStringLiteral("vs_currency"), QStringLiteral("usd"));
    query.addQueryItem(QStringLiteral("order"), QStringLiteral("market_cap_desc"));
    query.addQueryItem(QStringLiteral("per_page"), QString::number(coinsPerPage));
    query.addQueryItem(QStringLiteral("page"), QString::number(page));
    query.addQueryItem(QStringLiteral("sparkline"), QStringLiteral("false"));
    url.setQuery(query);
    m_coinsRest.get({.url = url}, this, [this, page](const net::HttpReply &reply) {
        if (!reply.isSuccess())
            return fail(restError("coins", reply));
        const auto coins = decodeCoins(reply.body);
        if (!coins)
            return fail(coins.error());
        m_coins += *coins;
        const QStringList chosen = choosePairs(m_coins, m_tradable, m_rules);
        const bool isLast = coins->size() < coinsPerPage || page == maxPages;
        if (chosen.size() < m_rules.limit && !isLast)
            return fetchCoins(page + 1);
        // Nothing at all is not what a market looks like: somebody's trouble, not everybody's delisting.
        if (chosen.isEmpty())
            return fail({Error::Kind::Protocol, QStringLiteral("none of %1 coins has a pair in %2")
                                                    .arg(m_coins.size())
                                                    .arg(m_options.quote)});
        m_backoff.reset();
        m_timer.start(m_options.refresh);
        emit found(withAlways(chosen, m_options.fallback));
    });
}

// Each request has been tried again by RestClient. What failed is a round of several, at two hosts, of which
// none fits together with one of another time: the next round is due sooner than with an answer, that is all.
void PairDiscovery::fail(const Error &error)
{
    m_timer.start(std::min(m_backoff.next(), m_options.refresh));
    emit failed(error.message);
}

} // namespace tidemill::binance
