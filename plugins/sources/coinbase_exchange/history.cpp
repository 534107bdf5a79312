// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include "exchanges/coinbase/products.h"

#include <QUrlQuery>

#include <algorithm>
#include <array>
#include <memory>

namespace tidemill::coinbase_exchange {

using namespace net::json;

namespace {

constexpr qint64 pageSize = 1000;
constexpr qint64 second = 1000000000;
constexpr int maxTries = 3; // for candles that cannot be read: those of other products wait behind them

// [time, low, high, open, close, volume]
bool readCandle(ondemand::value row, Candle &candle)
{
    const std::array<Decimal *, 5> numbers{&candle.low, &candle.high, &candle.open, &candle.close,
                                           &candle.volume};
    std::size_t index = 0;
    const bool good = eachElement(row, [&](ondemand::value member) {
        const std::size_t at = index++;
        return at == 0 ? readEpoch(member, candle.ts_open)
                       : at > numbers.size() || readDecimal(member, *numbers[at - 1]);
    });
    return good && index > numbers.size();
}

std::vector<Trade> from(qint64 first, std::vector<Trade> trades)
{
    std::erase_if(trades, [first](const Trade &trade) { return trade.trade_id < first; });
    return trades;
}

} // namespace

Result<std::vector<Trade>> History::decode(const QByteArray &body, Symbol product)
{
    const simdjson::padded_string padded(body.constData(), std::size_t(body.size()));
    simdjson::ondemand::parser parser;
    ondemand::document document;
    ondemand::value rows;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_value().get(rows) != simdjson::SUCCESS)
        return malformed(QStringLiteral("trades: expected a JSON array"));
    std::vector<Trade> trades;
    const Trade blank{
        .exchange = Symbol("coinbase_exchange"), .symbol = product, .ts_recv = Timestamp::now()};
    const bool good = eachElement(rows, [&](ondemand::value row) {
        Trade &trade = trades.emplace_back(blank);
        std::string_view ignored;
        return coinbase::readTrade(row, ignored, trade);
    });
    if (!good)
        return malformed(QStringLiteral("trades: expected rows of trade_id, price, size, side and time"));
    std::reverse(trades.begin(), trades.end());
    return trades;
}

void History::get(Symbol product, qint64 below, std::function<void(Result<std::vector<Trade>>)> answer)
{
    QUrl url = m_url;
    url.setPath(url.path() + QStringLiteral("/products/%1/trades").arg(QString::fromUtf8(product.name())));
    QUrlQuery query;
    query.addQueryItem(QStringLiteral("limit"), QString::number(pageSize));
    if (below > 0)
        query.addQueryItem(QStringLiteral("after"), QString::number(below));
    url.setQuery(query);
    auto trades = std::make_shared<Result<std::vector<Trade>>>(std::vector<Trade>());
    // A page of a proxy, half an answer: the next one may be whole.
    const auto unusable = [product, trades](const net::HttpReply &reply) {
        *trades = decode(reply.body, product);
        return *trades ? std::nullopt : std::optional(trades->error().message);
    };
    m_rest.get({.url = url, .unusable = unusable}, m_context,
               [trades, answer = std::move(answer)](const net::HttpReply &reply) {
                   if (reply.isSuccess())
                       return answer(std::move(*trades));
                   answer(reply.error ? *reply.error
                                      : Error{Error::Kind::Protocol,
                                              QStringLiteral("trades: HTTP status %1").arg(reply.status)});
               });
}

void History::fetch(Symbol product, qint64 first, qint64 last, const Answer &answer)
{
    if (last > 0)
        return fetchPage({product, first, last, 0, answer});
    // The newest page tells how far "now" is; if it does not reach back, the rest is asked for by id.
    get(product, 0, [this, product, first, answer](const Result<std::vector<Trade>> &newest) {
        if (!newest)
            return answer(newest.error());
        const bool reaches = newest->empty() || newest->front().trade_id <= first;
        if (reaches)
            return answer(net::HistoryPage<Trade>{from(first, *newest), true});
        const qint64 reached = newest->back().trade_id;
        fetchPage({product, first, reached, reached, answer});
    });
}

void History::fetchPage(const Wanted &wanted)
{
    const qint64 below = std::min(wanted.first + pageSize, wanted.last + 1);
    get(wanted.product, below, [this, wanted, below](const Result<std::vector<Trade>> &page) {
        if (!page)
            return wanted.answer(page.error());
        const bool complete = below > wanted.last;
        std::vector<Trade> trades = from(wanted.first, *page);
        if (complete || !trades.empty())
            return wanted.answer(net::HistoryPage<Trade>{std::move(trades), complete});
        // Nothing that was asked for: ids have been left out, and more than a page of them, or history does
        // not reach so far yet. Which of the two, only what it had before it was asked for them tells.
        if (wanted.reached < below)
            return findReach(wanted, below);
        Wanted next = wanted;
        next.first = below;
        fetchPage(next);
    });
}

void History::findReach(const Wanted &wanted, qint64 below)
{
    get(wanted.product, 0, [this, wanted, below](const Result<std::vector<Trade>> &newest) {
        if (!newest)
            return wanted.answer(newest.error());
        Wanted again = wanted;
        again.reached = newest->empty() ? 0 : newest->back().trade_id;
        if (again.reached >= below)
            return fetchPage(again);
        // This is all there is by now.
        wanted.answer(net::HistoryPage<Trade>{from(wanted.first, *newest), true});
    });
}

Result<std::vector<Candle>> History::decodeCandles(const QByteArray &body, const CandleRange &range)
{
    const simdjson::padded_string padded(body.constData(), std::size_t(body.size()));
    ondemand::parser parser;
    ondemand::document document;
    ondemand::value rows;
    std::vector<Candle> candles;
    const Candle blank{.exchange = Symbol("coinbase_exchange"),
                       .symbol = range.product,
                       .interval = range.interval,
                       .closed = true,
                       .provenance = Provenance::Backfill};
    const auto read = [&](ondemand::value row) { return readCandle(row, candles.emplace_back(blank)); };
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_value().get(rows) != simdjson::SUCCESS || !eachElement(rows, read))
        return malformed(QStringLiteral("candles: expected rows of time, low, high, open, close and volume"));
    const qint64 length = std::chrono::nanoseconds(range.length).count();
    std::erase_if(candles, [&range, length](const Candle &candle) {
        return candle.ts_open < range.from || candle.ts_open >= range.to || candle.ts_open.ns % length != 0;
    });
    std::stable_sort(candles.begin(), candles.end(),
                     [](const Candle &a, const Candle &b) { return a.ts_open < b.ts_open; });
    const auto isSame = [](const Candle &a, const Candle &b) { return a.ts_open == b.ts_open; };
    candles.erase(std::unique(candles.begin(), candles.end(), isSame), candles.end());
    for (Candle &candle : candles) {
        candle.ts_close = {candle.ts_open.ns + length - 1};
        candle.ts_event = candle.ts_close;
    }
    return candles;
}

void History::fetchCandles(const CandleRange &range, CandleAnswer answer)
{
    QUrl url = m_url;
    url.setPath(url.path() +
                QStringLiteral("/products/%1/candles").arg(QString::fromUtf8(range.product.name())));
    QUrlQuery query;
    query.addQueryItem(QStringLiteral("granularity"), QString::number(range.length.count()));
    query.addQueryItem(QStringLiteral("start"), QString::number(range.from.ns / second));
    // Within the last candle, so that it does not matter whether the end itself belongs to what is asked for.
    query.addQueryItem(QStringLiteral("end"), QString::number(range.to.ns / second - 1));
    url.setQuery(query);
    struct Reply
    {
        Result<std::vector<Candle>> candles = std::vector<Candle>();
        int tries = 0;
    };
    const auto read = std::make_shared<Reply>();
    const auto unusable = [range, read](const net::HttpReply &reply) {
        read->candles = decodeCandles(reply.body, range);
        return !read->candles && ++read->tries < maxTries ? std::optional(read->candles.error().message)
                                                          : std::nullopt;
    };
    m_rest.get({.url = url, .unusable = unusable}, m_context,
               [read, answer = std::move(answer)](const net::HttpReply &reply) {
                   if (reply.isSuccess())
                       return answer(read->candles);
                   answer(reply.error ? *reply.error
                                      : Error{Error::Kind::Protocol,
                                              QStringLiteral("candles: HTTP status %1").arg(reply.status)});
               });
}

} // namespace tidemill::coinbase_exchange
