// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "archive.h"
#include "coin_list.h"
#include "rest_api.h"
#include "weight_meter.h"

namespace tidemill::exchange {

// Binance's REST: /api/v3/... with its weights, the bulk archives under /data/spot/, and beside them
// CoinGecko's list of coins, so that one address serves whoever picks pairs by market cap.
class BinanceRest final : public RestApi
{
public:
    explicit BinanceRest(const Settings &settings);

protected:
    HttpResponse carryOut(const HttpRequest &request) override;
    std::optional<HttpResponse> refuse(const HttpRequest &request) override;
    void finish(const HttpRequest &request, HttpResponse &response) override;

private:
    struct Endpoint
    {
        const char *path;
        QByteArrayList parameters;
        HttpResponse (BinanceRest::*handler)(const HttpRequest &);
    };

    static int weight(const HttpRequest &request);

    HttpResponse ping(const HttpRequest &request);
    HttpResponse time(const HttpRequest &request);
    HttpResponse exchangeInfo(const HttpRequest &request);
    HttpResponse depth(const HttpRequest &request);
    HttpResponse trades(const HttpRequest &request);
    HttpResponse historicalTrades(const HttpRequest &request);
    HttpResponse aggTrades(const HttpRequest &request);
    HttpResponse candles(const HttpRequest &request);

    QList<Endpoint> m_endpoints;
    WeightMeter m_weights;
    WeightMeter::Verdict m_verdict; // on the present request
    CoinList m_coins;
};

} // namespace tidemill::exchange
