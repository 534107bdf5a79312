// SPDX-License-Identifier: Apache-2.0
#include "coin_list.h"

#include "catalogue.h"
#include "rest_query.h"

#include <QDateTime>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>

namespace tidemill::exchange {

namespace {

constexpr int defaultCoins = 100;
constexpr qint64 minuteMs = 60'000;

// Each peculiarity at its own distance, so that any page has some of them.
QByteArray coin(const QByteArray &symbol, int rank, bool copy)
{
    const QByteArray id = (copy ? "bridged-" : "coin-") + symbol;
    const QByteArray price = rank % 13 == 0  ? QByteArray("null")
                             : rank % 9 == 0 ? QByteArray("8.36e-06")
                             : rank % 2 == 0 ? QByteArray::number(60'000 / rank)
                                             : QByteArray::number(60'000 / rank) + ".25";
    const QByteArray cap = QByteArray::number(1'210'000'000'000 / rank);
    return "{\"id\":\"" + id + "\",\"symbol\":\"" + symbol + "\",\"name\":\"" + symbol.toUpper() +
           "\",\"image\":\"https://example.invalid/" + id + ".png\",\"current_price\":" + price +
           ",\"market_cap\":" + cap +
           ",\"market_cap_rank\":" + (rank % 17 == 0 ? QByteArray("null") : QByteArray::number(rank)) +
           ",\"fully_diluted_valuation\":" + (rank % 8 == 0 ? QByteArray("null") : cap) +
           ",\"total_volume\":" + QByteArray::number(25'000'000'000 / rank) +
           ",\"high_24h\":null,\"low_24h\":null,\"price_change_24h\":-1.5e-07,"
           "\"price_change_percentage_24h\":-0.25,\"circulating_supply\":19800000.0,\"total_supply\":null,"
           "\"max_supply\":" +
           (rank % 3 == 0 ? "null" : "21000000") +
           ",\"ath\":126000,\"roi\":null,\"last_updated\":\"2026-03-02T09:15:17.000Z\"}";
}

HttpResponse statusError(int status, int code, const QByteArray &text)
{
    HttpResponse response;
    response.status = status;
    response.body =
        "{\"status\":{\"error_code\":" + QByteArray::number(code) + ",\"error_message\":\"" + text + "\"}}";
    return response;
}

QByteArray keyOf(const HttpRequest &request, const QByteArray &plan)
{
    const QByteArray header = request.headers.value("x-cg-" + plan + "-api-key");
    return !header.isEmpty() ? header : request.parameter(("x_cg_" + plan + "_api_key").constData());
}

} // namespace

CoinList::CoinList(const Settings &settings) : m_settings(settings)
{
    int rank = 0;
    for (const QByteArray &symbol : coinsByMarketCap(std::max(defaultCoins, settings.symbolsCount))) {
        m_coins.append(coin(symbol.toLower(), ++rank, false));
        if (rank % 11 == 5)
            m_coins.append(coin(symbol.toLower(), rank, true));
    }
}

HttpResponse CoinList::replace(const HttpRequest &request)
{
    const QJsonDocument document = QJsonDocument::fromJson(request.body);
    if (request.method != "POST" || !document.isArray())
        return apiError(-1000, "POST with a JSON list of symbols or coins only.");
    m_coins.clear();
    for (const QJsonValue &value : document.array()) {
        m_coins.append(value.isString() ? coin(value.toString().toUtf8(), int(m_coins.size()) + 1, false)
                                        : QJsonDocument(value.toObject()).toJson(QJsonDocument::Compact));
    }
    return jsonAnswer("{}");
}

std::optional<HttpResponse> CoinList::refuse(const HttpRequest &request)
{
    const qint64 nowMs = QDateTime::currentMSecsSinceEpoch();
    if (nowMs / minuteMs != m_minute) {
        m_minute = nowMs / minuteMs;
        m_calls = 0;
    }
    if (++m_calls > m_settings.limits.coinsPerMinute) {
        HttpResponse response = statusError(429, 429, "You've exceeded the Rate Limit.");
        response.headers.append(
            {"Retry-After", QByteArray::number(((m_minute + 1) * minuteMs - nowMs) / 1000 + 1)});
        return response;
    }
    if (m_settings.coinsKey.isEmpty())
        return std::nullopt;
    const QByteArray demo = keyOf(request, "demo");
    const QByteArray pro = keyOf(request, "pro");
    if (!m_settings.coinsPro && !pro.isEmpty())
        return statusError(400, 10010, "If you are using Pro API key, please change your root URL.");
    if (m_settings.coinsPro && !demo.isEmpty())
        return statusError(400, 10011, "If you are using Demo API key, please change your root URL.");
    if (m_settings.coinsPro && pro.isEmpty())
        return statusError(401, 10002, "API Key Missing");
    const QByteArray key = m_settings.coinsPro ? pro : demo;
    if (!key.isEmpty() && key != m_settings.coinsKey)
        return statusError(401, 10001, "Invalid API Key");
    return std::nullopt; // without a key the demo address serves anybody
}

HttpResponse CoinList::answer(const HttpRequest &request)
{
    if (request.path == "/__coins")
        return replace(request);
    if (const auto refusal = refuse(request))
        return *refusal;
    HttpResponse wrong;
    wrong.status = 422;
    wrong.body = "{\"error\":\"Missing parameter vs_currency\"}";
    if (request.parameter("vs_currency").isEmpty())
        return wrong;
    const auto number = [&request](const char *name, int fallback) {
        const QByteArray text = request.parameter(name);
        return text.isEmpty() ? fallback : text.toInt();
    };
    const int perPage = number("per_page", 100);
    const int page = number("page", 1);
    if (perPage < 1 || perPage > 250 || page < 1)
        return statusError(400, 400, "per_page must be 1..250 and page 1 or more");
    return jsonAnswer('[' + m_coins.mid(qsizetype(page - 1) * perPage, perPage).join(',') + ']');
}

} // namespace tidemill::exchange
