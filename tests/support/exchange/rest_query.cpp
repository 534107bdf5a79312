// SPDX-License-Identifier: Apache-2.0
#include "rest_query.h"

#include <QByteArrayList>

#include <algorithm>

namespace tidemill::exchange {

HttpResponse apiError(int code, const QByteArray &text, int status)
{
    HttpResponse response;
    response.status = status;
    response.body = "{\"code\":" + QByteArray::number(code) + ",\"msg\":\"" + text + "\"}";
    return response;
}

HttpResponse jsonAnswer(const QByteArray &body)
{
    HttpResponse response;
    response.body = body;
    return response;
}

void RestQuery::fail(int code, const QByteArray &text)
{
    if (!error)
        error = apiError(code, text);
}

QByteArray RestQuery::symbol(const QByteArrayList &known)
{
    const QByteArray symbol = m_request.parameter("symbol");
    if (symbol.isEmpty())
        fail(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.");
    else if (std::any_of(symbol.begin(), symbol.end(),
                         [](char c) { return quint8(c) <= ' ' || QByteArrayView("\"'<>&").contains(c); }))
        fail(-1100, "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'.");
    else if (!known.contains(symbol)) // lower case is another, unknown symbol
        fail(-1121, "Invalid symbol.");
    return symbol;
}

std::optional<qint64> RestQuery::integer(const char *name)
{
    const QByteArray text = m_request.parameter(name);
    if (text.isEmpty())
        return std::nullopt;
    bool fine = false;
    const qint64 value = text.toLongLong(&fine);
    if (!fine || value < 0) {
        fail(-1100, "Illegal characters found in parameter '" + QByteArray(name) +
                        "'; legal range is '^[0-9]{1,20}$'.");
        return std::nullopt;
    }
    return value;
}

int RestQuery::limit(int fallback, int maximum)
{
    const qint64 value = integer("limit").value_or(fallback);
    if (value == 0)
        fail(-1130, "Data sent for parameter 'limit' is not valid.");
    return int(std::min<qint64>(value, maximum));
}

std::optional<qint64> RestQuery::time(const char *name, bool endOfUnit)
{
    const auto value = integer(name);
    if (!value || *value >= 100'000'000'000'000)
        return value;
    return *value * 1000 + (endOfUnit ? 999 : 0);
}

TimeUnit RestQuery::unit() const
{
    return m_request.headers.value("x-mbx-time-unit").toLower() == "microsecond" ? TimeUnit::Microseconds
                                                                                 : TimeUnit::Milliseconds;
}

} // namespace tidemill::exchange
