// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <tidemill/net/json_values.h>

#include <QUrlQuery>

#include <algorithm>

namespace tidemill::coinbase_exchange {

using namespace net::json;

namespace {

constexpr qint64 pageSize = 1000;

}

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
        std::string_view side;
        unsigned seen = 0;
        const bool read = eachMember(row, [&](std::string_view name, ondemand::value member) {
            if (name == "trade_id")
                return seen |= 1, readInteger(member, trade.trade_id);
            if (name == "price")
                return seen |= 2, readDecimal(member, trade.price);
            if (name == "size")
                return seen |= 4, readDecimal(member, trade.quantity);
            if (name == "side")
                return seen |= 8, readText(member, side);
            if (name == "time")
                return seen |= 16, readTime(member, trade.ts_event);
            return true;
        });
        trade.side = side == "buy" ? Side::Sell : Side::Buy; // the maker's is sent
        return read && seen == 31 && (side == "buy" || side == "sell");
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
    m_rest.get(url, 1, m_context, [product, answer = std::move(answer)](const net::HttpReply &reply) {
        if (reply.isSuccess())
            return answer(decode(reply.body, product));
        answer(reply.error ? *reply.error
                           : Error{Error::Kind::Protocol,
                                   QStringLiteral("trades: HTTP status %1").arg(reply.status)});
    });
}

void History::fetch(Symbol product, qint64 first, qint64 last, const Answer &answer)
{
    const qint64 below = last > 0 ? std::min(first + pageSize, last + 1) : 0;
    get(product, below, [this, product, first, last, answer](const Result<std::vector<Trade>> &page) {
        if (!page)
            return answer(page.error());
        std::vector<Trade> trades = *page;
        if (last > 0) {
            const bool complete = last < first + pageSize;
            // A full page without anything asked for: ids have been left out, and more than a page of them.
            std::erase_if(trades, [first](const Trade &trade) { return trade.trade_id < first; });
            if (trades.empty() && !complete)
                return fetch(product, first + pageSize, last, answer);
            return answer(net::HistoryPage<Trade>{std::move(trades), complete});
        }
        // The newest page tells how far "now" is; if it does not reach back, the rest is asked for by id.
        const bool reaches = trades.empty() || trades.front().trade_id <= first;
        if (!reaches)
            return fetch(product, first, trades.back().trade_id, answer);
        std::erase_if(trades, [first](const Trade &trade) { return trade.trade_id < first; });
        answer(net::HistoryPage<Trade>{std::move(trades), true});
    });
}

} // namespace tidemill::coinbase_exchange
