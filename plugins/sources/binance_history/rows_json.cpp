// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <tidemill/net/json_values.h>

#include <algorithm>
#include <array>

namespace tidemill::binance_history {

using namespace net::json;

namespace {

// Codes of trouble that passes: unknown, disconnected, too many requests, unexpected answer, timeout,
// overloaded.
constexpr std::array<qint64, 6> passing{-1000, -1001, -1003, -1006, -1007, -1008};

bool readSide(ondemand::value value, Side &side)
{
    bool buyerIsMaker = false;
    if (!readBool(value, buyerIsMaker))
        return false;
    side = buyerIsMaker ? Side::Sell : Side::Buy; // the taker's
    return true;
}

// {"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}
bool readRow(ondemand::value value, AggTrade &trade)
{
    unsigned seen = 0;
    const bool good = eachMember(value, [&](std::string_view name, ondemand::value member) {
        if (name == "a")
            return seen |= 1, readInteger(member, trade.agg_trade_id);
        if (name == "p")
            return seen |= 2, readDecimal(member, trade.price);
        if (name == "q")
            return seen |= 4, readDecimal(member, trade.quantity);
        if (name == "f")
            return seen |= 8, readInteger(member, trade.first_trade_id);
        if (name == "l")
            return seen |= 16, readInteger(member, trade.last_trade_id);
        if (name == "T")
            return seen |= 32, readEpoch(member, trade.ts_event);
        if (name == "m")
            return seen |= 64, readSide(member, trade.side);
        return true;
    });
    return good && seen == 127;
}

// {"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","time":1499865549590,
//  "isBuyerMaker":true,"isBestMatch":true}
bool readRow(ondemand::value value, Trade &trade)
{
    unsigned seen = 0;
    const bool good = eachMember(value, [&](std::string_view name, ondemand::value member) {
        if (name == "id")
            return seen |= 1, readInteger(member, trade.trade_id);
        if (name == "price")
            return seen |= 2, readDecimal(member, trade.price);
        if (name == "qty")
            return seen |= 4, readDecimal(member, trade.quantity);
        if (name == "time")
            return seen |= 8, readEpoch(member, trade.ts_event);
        if (name == "isBuyerMaker")
            return seen |= 16, readSide(member, trade.side);
        return true;
    });
    return good && seen == 31;
}

// [open time, open, high, low, close, volume, close time, quote volume, trades, taker volume, taker quote
//  volume, unused]
bool readRow(ondemand::value value, Candle &candle)
{
    int column = 0;
    const bool good = eachElement(value, [&](ondemand::value member) {
        switch (column++) {
        case 0:
            return readEpoch(member, candle.ts_open);
        case 1:
            return readDecimal(member, candle.open);
        case 2:
            return readDecimal(member, candle.high);
        case 3:
            return readDecimal(member, candle.low);
        case 4:
            return readDecimal(member, candle.close);
        case 5:
            return readDecimal(member, candle.volume);
        case 6:
            return readEpoch(member, candle.ts_close);
        case 7:
            return readDecimal(member, candle.quote_volume);
        case 8:
            return readInteger(member, candle.trades);
        case 9:
            return readDecimal(member, candle.taker_buy_volume);
        case 10:
            return readDecimal(member, candle.taker_buy_quote_volume);
        default:
            return true;
        }
    });
    candle.ts_event = candle.ts_close;
    return good && column >= 11;
}

// The object that a body is, for `read(name, value)`.
template<typename Read>
bool eachOf(const QByteArray &body, Read read)
{
    const simdjson::padded_string padded(body.constData(), std::size_t(body.size()));
    ondemand::parser parser;
    ondemand::document document;
    ondemand::object object;
    return parser.iterate(padded).get(document) == simdjson::SUCCESS &&
           document.get_object().get(object) == simdjson::SUCCESS && eachMember(object, read);
}

QString excerpt(const QByteArray &body)
{
    return QString::fromUtf8(body.left(120)).simplified();
}

} // namespace

std::optional<Error> refusalFromJson(const QByteArray &body)
{
    std::optional<qint64> code;
    QString message;
    const bool good = eachOf(body, [&](std::string_view name, ondemand::value value) {
        std::string_view text;
        qint64 number = 0;
        if (name == "code" && readInteger(value, number))
            code = number;
        else if (name == "msg" && readText(value, text))
            message = QString::fromUtf8(bytes(text)).left(200);
        return true;
    });
    if (!good || !code)
        return {};
    const bool passes = std::find(passing.begin(), passing.end(), *code) != passing.end();
    return Error{passes ? Error::Kind::Network : Error::Kind::Config,
                 QStringLiteral("%1 (code %2)").arg(message).arg(*code)};
}

Result<Timestamp> serverTimeFromJson(const QByteArray &body)
{
    Timestamp time;
    const bool good = eachOf(body, [&time](std::string_view name, ondemand::value value) {
        return name != "serverTime" || readEpoch(value, time);
    });
    if (!good || time.isNull())
        return malformed(QStringLiteral("expected the exchange's time, got '%1'").arg(excerpt(body)));
    return time;
}

Result<Rows> rowsFromJson(const QByteArray &body, const Series &series, Timestamp received)
{
    const simdjson::padded_string padded(body.constData(), std::size_t(body.size()));
    ondemand::parser parser;
    ondemand::document document;
    ondemand::array array;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_array().get(array) != simdjson::SUCCESS) {
        if (const auto refusal = refusalFromJson(body))
            return *refusal;
        return malformed(QStringLiteral("expected a JSON array, got '%1'").arg(excerpt(body)));
    }
    Rows rows;
    const Row blank = blankRow(series, received);
    for (auto entry : array) {
        ondemand::value value;
        if (std::move(entry).get(value) != simdjson::SUCCESS)
            return malformed(QStringLiteral("the JSON array breaks off after %1 rows").arg(rows.size()));
        Row &row = rows.emplace_back(blank);
        const bool good = std::visit([&value](auto &record) { return readRow(value, record); }, row);
        if (!good || !isSound(row))
            return malformed(QStringLiteral("row %1 is not what %2 should be")
                                 .arg(rows.size())
                                 .arg(QString::fromUtf8(series.kindName())));
        if (rows.size() > 1 && keyOf(rows[rows.size() - 2]) >= keyOf(row))
            return malformed(QStringLiteral("row %1 does not come after the one before").arg(rows.size()));
    }
    return rows;
}

} // namespace tidemill::binance_history
