// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http_server.h"
#include "settings.h"

#include <QJsonArray>

namespace tidemill::exchange {

// CoinGecko's /coins/markets: a list of coins by market cap with what makes such lists awkward: numbers that
// are null or have exponents, coins that share a symbol, stablecoins. POST /__coins with a JSON list replaces
// it, by symbols ("btc") or by whole coins (objects).
class CoinList
{
public:
    explicit CoinList(const Settings &settings);

    HttpResponse answer(const HttpRequest &request);

private:
    HttpResponse replace(const HttpRequest &request);
    std::optional<HttpResponse> refuse(const HttpRequest &request);

    const Settings &m_settings;
    QByteArrayList m_coins; // as JSON
    qint64 m_minute = 0;
    int m_calls = 0; // in this minute
};

} // namespace tidemill::exchange
