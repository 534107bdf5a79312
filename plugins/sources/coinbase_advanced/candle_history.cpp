// SPDX-License-Identifier: Apache-2.0
#include "candle_history.h"

#include <QUrlQuery>

#include <algorithm>
#include <memory>

namespace tidemill::coinbase_advanced {

using namespace net::json;

namespace {

constexpr std::chrono::seconds candleLength{300}; // the only one that there is by stream
constexpr qint64 candlesPerPage = 300;            // 350 at the most

} // namespace

bool readCandle(ondemand::value value, std::string_view &product, Candle &candle)
{
    unsigned seen = 0;
    const bool good = eachMember(value, [&](std::string_view name, ondemand::value member) {
        if (name == "product_id")
            return readText(member, product);
        if (name == "start")
            return seen |= 1, readEpoch(member, candle.ts_open);
        if (name == "open")
            return seen |= 2, readDecimal(member, candle.open);
        if (name == "high")
            return seen |= 4, readDecimal(member, candle.high);
        if (name == "low")
            return seen |= 8, readDecimal(member, candle.low);
        if (name == "close")
            return seen |= 16, readDecimal(member, candle.close);
        if (name == "volume")
            return seen |= 32, readDecimal(member, candle.volume);
        return true;
    });
    candle.interval = Symbol("5m");
    candle.ts_close = candle.ts_open + candleLength + std::chrono::nanoseconds(-1);
    return good && seen == 63;
}

Result<std::vector<Candle>> CandleHistory::decode(const QByteArray &body, Symbol product, Timestamp received)
{
    const simdjson::padded_string padded(body.constData(), std::size_t(body.size()));
    ondemand::parser parser;
    ondemand::document document;
    ondemand::value rows;
    std::vector<Candle> candles;
    const Candle blank{.exchange = Symbol("coinbase_advanced"),
                       .symbol = product,
                       .ts_recv = received,
                       .closed = true,
                       .provenance = Provenance::Backfill};
    const auto read = [&](ondemand::value row) {
        Candle &candle = candles.emplace_back(blank);
        std::string_view ignored;
        const bool good = readCandle(row, ignored, candle);
        candle.ts_event = candle.ts_close;
        return good;
    };
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document["candles"].get(rows) != simdjson::SUCCESS || !eachElement(rows, read))
        return malformed(
            QStringLiteral("candles: expected rows of start, open, high, low, close and volume"));
    std::reverse(candles.begin(), candles.end());
    return candles;
}

void CandleHistory::configure(const QUrl &url, qint64 limit)
{
    m_url = url;
    m_limit = limit;
}

void CandleHistory::resume(int stream, const QByteArray &position)
{
    if (const Timestamp reached{position.toLongLong()}; !reached.isNull())
        m_states[stream].newest = reached;
}

void CandleHistory::follow(int stream, bool isSnapshot, const Candle &oldest, const Candle &newest)
{
    State &state = m_states[stream];
    const Timestamp before = state.newest;
    state.newest = std::max(before, newest.ts_open);
    if (state.newest > before)
        m_moved.insert(stream);
    // While the connection lasts, whatever there is comes over it.
    if (!isSnapshot || before.isNull() || oldest.ts_open <= before)
        return;
    const qint64 length = std::chrono::nanoseconds(candleLength).count();
    const bool isTooLong = (oldest.ts_open - before).count() / length > m_limit;
    const Timestamp from = isTooLong ? Timestamp{oldest.ts_open.ns - m_limit * length} : before;
    Hole hole{stream, from, oldest.ts_open,
              Gap{.exchange = m_source.exchange(),
                  .symbol = oldest.symbol,
                  .stream = m_source.stream(stream).name,
                  .ts_event = oldest.ts_event,
                  .ts_recv = oldest.ts_recv,
                  .ts_from = m_source.gapFrom(stream, before),
                  .ts_to = oldest.ts_open}};
    if (state.filling++ == 0)
        state.hole = before;
    if (m_limit <= 0)
        return end(hole, "candles are missing");
    if (from > before) {
        m_source.out().add(hole.gap, "more candles than are asked for");
        hole.gap.ts_from = m_source.gapFrom(stream, before); // it would take its place
    }
    fill(hole, from);
}

void CandleHistory::fill(const Hole &hole, Timestamp from)
{
    const Symbol product = m_source.stream(hole.stream).symbol;
    const Timestamp to = std::min(hole.to, from + candleLength * candlesPerPage);
    QUrl url = m_url;
    url.setPath(url.path() + QStringLiteral("/api/v3/brokerage/market/products/%1/candles")
                                 .arg(QString::fromUtf8(product.name())));
    QUrlQuery query;
    query.addQueryItem(QStringLiteral("start"), QString::number(from.ns / 1'000'000'000));
    query.addQueryItem(QStringLiteral("end"), QString::number(to.ns / 1'000'000'000 - 1));
    query.addQueryItem(QStringLiteral("granularity"), QStringLiteral("FIVE_MINUTE"));
    url.setQuery(query);
    auto candles = std::make_shared<Result<std::vector<Candle>>>(std::vector<Candle>());
    // A page of a proxy, half an answer: the next one may be whole.
    const auto unusable = [this, product, candles](const net::HttpReply &reply) {
        *candles = decode(reply.body, product, m_source.now());
        return *candles ? std::nullopt : std::optional(candles->error().message);
    };
    const auto take = [this, hole, from, to, candles](const net::HttpReply &reply) {
        if (!reply.isSuccess())
            return end(hole, reply.error ? reply.error->message.toUtf8()
                                         : "candles: HTTP status " + QByteArray::number(reply.status));
        for (const Candle &candle : **candles) {
            if (candle.ts_open >= from && candle.ts_open < to)
                m_source.out().add(candle);
        }
        if (to < hole.to)
            fill(hole, to);
        else
            end(hole, {});
    };
    m_rest.get({.url = url, .unusable = unusable}, &m_source, take);
}

void CandleHistory::end(const Hole &hole, QByteArrayView missing)
{
    if (!missing.isEmpty())
        m_source.out().add(hole.gap, missing);
    State &state = m_states[hole.stream];
    if (--state.filling == 0)
        state.hole = {};
    m_moved.insert(hole.stream);
}

} // namespace tidemill::coinbase_advanced
