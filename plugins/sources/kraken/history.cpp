// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <QUrlQuery>

namespace tidemill::kraken {

using namespace net::json;

namespace {

constexpr qsizetype pageSize = 1000;

// Kraken says so with HTTP status 200, so that it looks like an answer.
bool isPassing(const QString &refusal)
{
    for (const char *word : {"EGeneral:Too many requests", "EAPI:Rate limit", "EService:"}) {
        if (refusal.contains(QLatin1String(word)))
            return true;
    }
    return false;
}

// Seconds with a fraction, as a JSON number or string; never through a double, which has no room for
// nanoseconds.
bool readSeconds(ondemand::value value, Timestamp &out)
{
    Decimal seconds;
    if (!readDecimal(value, seconds))
        return false;
    const auto ns = seconds.normalized().mantissaAt(-9);
    if (ns)
        out = {*ns};
    return ns.has_value();
}

// ["price","volume",time,"b"|"s","m"|"l","misc",trade_id]
bool readRow(ondemand::value value, Trade &trade)
{
    int column = 0;
    bool good = eachElement(value, [&](ondemand::value member) {
        std::string_view side;
        switch (column++) {
        case 0:
            return readDecimal(member, trade.price);
        case 1:
            return readDecimal(member, trade.quantity);
        case 2:
            return readSeconds(member, trade.ts_event);
        case 3:
            if (!readText(member, side) || (side != "b" && side != "s"))
                return false;
            trade.side = side == "b" ? Side::Buy : Side::Sell;
            return true;
        case 6:
            return readInteger(member, trade.trade_id);
        default:
            return true;
        }
    });
    return good && column >= 7;
}

} // namespace

QByteArray History::pairName(Symbol symbol)
{
    QByteArray name;
    for (const QByteArray &part : symbol.name().toByteArray().split('/'))
        name.append(part == "BTC" ? QByteArray("XBT") : part == "DOGE" ? QByteArray("XDG") : part);
    return name;
}

Result<std::vector<Trade>> History::decode(const QByteArray &body, Symbol symbol)
{
    const simdjson::padded_string padded(body.constData(), std::size_t(body.size()));
    simdjson::ondemand::parser parser;
    ondemand::document document;
    ondemand::object object;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_object().get(object) != simdjson::SUCCESS)
        return malformed(QStringLiteral("trades: expected a JSON object"));
    std::vector<Trade> trades;
    QString refused;
    const Trade blank{.exchange = Symbol("kraken"), .symbol = symbol, .ts_recv = Timestamp::now()};
    const bool good = eachMember(object, [&](std::string_view name, ondemand::value member) {
        if (name == "error")
            return eachElement(member, [&refused](ondemand::value text) {
                std::string_view what;
                if (readText(text, what))
                    refused = QString::fromUtf8(bytes(what));
                return true;
            });
        if (name != "result")
            return true;
        return eachMember(member, [&](std::string_view pair, ondemand::value rows) {
            return pair == "last" || eachElement(rows, [&](ondemand::value row) {
                       trades.push_back(blank);
                       return readRow(row, trades.back());
                   });
        });
    });
    if (!refused.isEmpty())
        return Error{isPassing(refused) ? Error::Kind::Network : Error::Kind::Config,
                     QStringLiteral("trades: ") + refused};
    if (!good)
        return malformed(
            QStringLiteral("trades: expected rows of price, volume, time, side, type, misc and id"));
    return trades;
}

void History::fetch(Symbol symbol, Timestamp since, qint64 first, qint64 last, const Answer &answer)
{
    get({.symbol = symbol,
         .since = since.isNull() ? Timestamp::now() : since,
         .first = first,
         .last = last,
         .answer = answer});
}

void History::get(const Request &request)
{
    QUrl url = m_url;
    url.setPath(url.path() + QStringLiteral("/0/public/Trades"));
    QUrlQuery query;
    query.addQueryItem(QStringLiteral("pair"), QString::fromLatin1(pairName(request.symbol)));
    // One less: whether the bound itself belongs to the answer is not documented, and repeats do no harm.
    query.addQueryItem(QStringLiteral("since"), QString::number(std::max<qint64>(request.since.ns - 1, 0)));
    query.addQueryItem(QStringLiteral("count"), QString::number(pageSize));
    url.setQuery(query);
    auto trades = std::make_shared<Result<std::vector<Trade>>>(std::vector<Trade>());
    const auto unusable = [symbol = request.symbol, trades](const net::HttpReply &reply) {
        *trades = decode(reply.body, symbol);
        // A page of a proxy, half an answer: the next one may be whole.
        const bool isFinal = *trades || trades->error().kind == Error::Kind::Config;
        return isFinal ? std::nullopt : std::optional(trades->error().message);
    };
    m_rest.get(
        {.url = url, .unusable = unusable}, m_context, [this, request, trades](const net::HttpReply &reply) {
            if (reply.error)
                return request.answer(*reply.error);
            if (!reply.isSuccess())
                return request.answer(
                    Error{Error::Kind::Protocol, QStringLiteral("trades: HTTP status %1").arg(reply.status)});
            if (!*trades)
                return request.answer(trades->error());
            take(request, *std::move(*trades));
        });
}

void History::take(Request request, std::vector<Trade> trades)
{
    const bool isShort = qsizetype(trades.size()) < pageSize;
    const bool begins = !trades.empty() && trades.front().trade_id <= request.first;
    const bool isBehind = !trades.empty() && trades.back().trade_id < request.first;
    // Too late a begin: what was asked for lies before this page.
    if (!begins && (!trades.empty() || request.last > 0) && request.since.ns > 1) {
        request.since = std::max(request.since + -request.back, Timestamp{1});
        request.back *= 4;
        return get(request);
    }
    if (isBehind && !isShort) {
        // Many trades at one time: asking for the same would bring the same.
        const Timestamp next = trades.back().ts_event;
        request.since = next > request.since ? next : request.since + std::chrono::nanoseconds(2);
        return get(request);
    }
    const bool reaches = request.last > 0 && !trades.empty() && trades.back().trade_id >= request.last;
    std::erase_if(trades, [&request](const Trade &trade) { return trade.trade_id < request.first; });
    request.answer(net::HistoryPage<Trade>{std::move(trades), isShort || reaches});
}

} // namespace tidemill::kraken
