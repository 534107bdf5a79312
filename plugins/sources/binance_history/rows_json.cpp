// SPDX-License-Identifier: Apache-2.0
#include "exchanges/binance/rest_rows.h"
#include "rows.h"

#include <algorithm>
#include <array>

namespace tidemill::binance_history {

using namespace net::json;

namespace {

// Codes of trouble that passes: unknown, disconnected, too many requests, unexpected answer, timeout,
// overloaded.
constexpr std::array<qint64, 6> passing{-1000, -1001, -1003, -1006, -1007, -1008};

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
        const bool good = std::visit([&value](auto &record) { return binance::readRow(value, record); }, row);
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
