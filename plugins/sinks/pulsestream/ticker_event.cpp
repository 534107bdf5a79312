// SPDX-License-Identifier: Apache-2.0
#include "ticker_event.h"

#include "event_text.h"

#include <tidemill/json.h>

namespace tidemill::pulsestream {

namespace {

QByteArray productOf(const Ticker &ticker)
{
    const QByteArray product = ticker.symbol.name().toByteArray();
    return product.isEmpty() ? QByteArray("UNKNOWN") : product;
}

// A JSON number with all its digits, without zeros at the end of its fraction.
QByteArray number(const Decimal &value, AbsentNumbers absent)
{
    if (!value.isNull())
        return value.normalized().toString();
    return absent == AbsentNumbers::Zero ? QByteArray("0.0") : QByteArray("null");
}

QByteArray spread(const Ticker &ticker, AbsentNumbers absent)
{
    const bool isKnown = !ticker.bid_price.isNull() && !ticker.bid_price.isZero() &&
                         !ticker.ask_price.isNull() && !ticker.ask_price.isZero();
    return number(isKnown ? difference(ticker.ask_price, ticker.bid_price) : Decimal::null(), absent);
}

QByteArray money(const Decimal &value, AbsentNumbers absent)
{
    if (!value.isNull())
        return '$' + twoDecimals(value);
    return absent == AbsentNumbers::Zero ? QByteArray("$0.00") : QByteArray("unknown");
}

// The exchange's own text of a number, as a string.
void appendText(QByteArray &out, const Decimal &value)
{
    if (value.isNull())
        out.append("null");
    else
        out.append('"').append(value.toString()).append('"');
}

void appendMember(QByteArray &out, const char *name, const Decimal &value)
{
    if (value.isNull())
        return;
    out.append(",\"").append(name).append("\":");
    appendText(out, value);
}

// The exchange's frame, put together again from the record, which has every member that is documented.
void appendFrame(QByteArray &out, const Ticker &ticker)
{
    out.append(R"({"type":"ticker","sequence":)").append(QByteArray::number(ticker.sequence));
    appendJsonString(out.append(R"(,"product_id":)"), ticker.symbol.name());
    appendMember(out, "price", ticker.price);
    appendMember(out, "open_24h", ticker.open_24h);
    appendMember(out, "volume_24h", ticker.volume_24h);
    appendMember(out, "low_24h", ticker.low_24h);
    appendMember(out, "high_24h", ticker.high_24h);
    appendMember(out, "volume_30d", ticker.volume_30d);
    appendMember(out, "best_bid", ticker.bid_price);
    appendMember(out, "best_bid_size", ticker.bid_quantity);
    appendMember(out, "best_ask", ticker.ask_price);
    appendMember(out, "best_ask_size", ticker.ask_quantity);
    if (ticker.side != Side::Unknown)
        out.append(ticker.side == Side::Buy ? R"(,"side":"buy")" : R"(,"side":"sell")");
    if (!ticker.ts_event.isNull())
        out.append(R"(,"time":")").append(ticker.ts_event.toString()).append('"');
    if (ticker.trade_id != 0)
        out.append(R"(,"trade_id":)").append(QByteArray::number(ticker.trade_id));
    appendMember(out, "last_size", ticker.last_quantity);
    out.append('}');
}

} // namespace

QByteArray tickerId(const Ticker &ticker)
{
    const QByteArray front = venueOf(ticker.exchange.name()) + '-' + productOf(ticker) + '-';
    if (ticker.trade_id != 0)
        return front + QByteArray::number(ticker.trade_id);
    return front + stableUuid(front + QByteArray::number(ticker.sequence) + ' ' + ticker.ts_event.toString());
}

QByteArray tickerTitle(const Ticker &ticker)
{
    QByteArray venue = venueOf(ticker.exchange.name());
    venue[0] = venue.left(1).toUpper()[0];
    return venue + " Price Update: " + productOf(ticker);
}

QByteArray tickerMessage(const Ticker &ticker, AbsentNumbers absent)
{
    return "Real-time price update for " + productOf(ticker) + ": " + money(ticker.price, absent) +
           ". Volume (24h): " + money(ticker.volume_24h, absent);
}

void appendTickerMetrics(QByteArray &out, const Ticker &ticker, AbsentNumbers absent)
{
    out.append(R"(,"price":)").append(number(ticker.price, absent));
    out.append(R"(,"volume_24h":)").append(number(ticker.volume_24h, absent));
    out.append(R"(,"spread":)").append(spread(ticker, absent));
}

void appendTickerPayload(QByteArray &out, const Batch &batch, qsizetype row, AbsentNumbers absent)
{
    const Ticker &ticker = batch.rows<Ticker>()[std::size_t(row)];
    appendJsonString(out.append(R"({"product_id":)"), productOf(ticker));
    out.append(R"(,"price":)").append(number(ticker.price, absent));
    out.append(R"(,"volume_24h":)").append(number(ticker.volume_24h, absent));
    out.append(R"(,"last_trade_id":)")
        .append(ticker.trade_id == 0 ? QByteArray("null") : QByteArray::number(ticker.trade_id));
    out.append(R"(,"best_bid":)").append(number(ticker.bid_price, absent));
    out.append(R"(,"best_ask":)").append(number(ticker.ask_price, absent));
    out.append(R"(,"spread":)").append(spread(ticker, absent));
    appendText(out.append(R"(,"low_24h":)"), ticker.low_24h);
    appendText(out.append(R"(,"high_24h":)"), ticker.high_24h);
    appendText(out.append(R"(,"open_24h":)"), ticker.open_24h);
    appendText(out.append(R"(,"last_size":)"), ticker.last_quantity);
    out.append(R"(,"raw_ticker":)");
    if (ticker.exchange.name() == "coinbase_exchange")
        appendFrame(out, ticker);
    else
        appendJson(out, batch, row);
    out.append('}');
}

} // namespace tidemill::pulsestream
