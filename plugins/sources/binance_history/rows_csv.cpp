// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <array>

namespace tidemill::binance_history {

namespace {

constexpr std::size_t mostColumns = 12;
using Columns = std::array<QByteArrayView, mostColumns>;

// How many there are; what is too many is counted and not kept.
std::size_t split(QByteArrayView line, Columns &columns)
{
    std::size_t count = 0;
    while (true) {
        const qsizetype comma = line.indexOf(',');
        if (count < mostColumns)
            columns[count] = comma < 0 ? line : line.first(comma);
        ++count;
        if (comma < 0)
            return count;
        line = line.sliced(comma + 1);
    }
}

bool read(QByteArrayView text, Decimal &out)
{
    const auto parsed = Decimal::parse(text);
    if (parsed)
        out = *parsed;
    return parsed.has_value();
}

bool read(QByteArrayView text, qint64 &out)
{
    bool good = false;
    out = text.toLongLong(&good);
    return good;
}

bool read(QByteArrayView text, Timestamp &out)
{
    qint64 number = 0;
    if (!read(text, number))
        return false;
    const auto time = Timestamp::fromEpoch(number);
    if (time)
        out = *time;
    return time.has_value();
}

bool read(QByteArrayView text, Side &out)
{
    const bool isTrue = text.compare("true", Qt::CaseInsensitive) == 0;
    if (!isTrue && text.compare("false", Qt::CaseInsensitive) != 0)
        return false;
    out = isTrue ? Side::Sell : Side::Buy; // the buyer was the maker: the seller took
    return true;
}

// a, p, q, f, l, T, m, M; the last may be missing
bool readColumns(const Columns &text, std::size_t count, AggTrade &trade)
{
    return count >= 7 && read(text[0], trade.agg_trade_id) && read(text[1], trade.price) &&
           read(text[2], trade.quantity) && read(text[3], trade.first_trade_id) &&
           read(text[4], trade.last_trade_id) && read(text[5], trade.ts_event) && read(text[6], trade.side);
}

// id, price, qty, quoteQty, time, isBuyerMaker, isBestMatch; the last may be missing
bool readColumns(const Columns &text, std::size_t count, Trade &trade)
{
    return count >= 6 && read(text[0], trade.trade_id) && read(text[1], trade.price) &&
           read(text[2], trade.quantity) && read(text[4], trade.ts_event) && read(text[5], trade.side);
}

bool readColumns(const Columns &text, std::size_t count, Candle &candle)
{
    const bool good = count >= 11 && read(text[0], candle.ts_open) && read(text[1], candle.open) &&
                      read(text[2], candle.high) && read(text[3], candle.low) &&
                      read(text[4], candle.close) && read(text[5], candle.volume) &&
                      read(text[6], candle.ts_close) && read(text[7], candle.quote_volume) &&
                      read(text[8], candle.trades) && read(text[9], candle.taker_buy_volume) &&
                      read(text[10], candle.taker_buy_quote_volume);
    candle.ts_event = candle.ts_close;
    return good;
}

} // namespace

bool isCsvHeader(QByteArrayView line)
{
    const char first = line.isEmpty() ? '0' : line.front();
    return (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '"';
}

Result<Row> rowFromCsv(QByteArrayView line, const Series &series, Timestamp received)
{
    Columns columns;
    const std::size_t count = split(line, columns);
    Row row = blankRow(series, received);
    const bool good = count <= mostColumns &&
                      std::visit([&](auto &record) { return readColumns(columns, count, record); }, row);
    if (!good || !isSound(row))
        return Error{Error::Kind::Protocol, QStringLiteral("expected the columns of %1, got '%2'")
                                                .arg(QString::fromUtf8(series.kindName()),
                                                     QString::fromUtf8(line.first(qMin(line.size(), 120))))};
    return row;
}

} // namespace tidemill::binance_history
