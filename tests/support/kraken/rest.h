// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/rest_api.h"
#include "exchange/token_bucket.h"

namespace tidemill::exchange::kraken {

// /0/public/Trades, OHLC and AssetPairs. Errors come with HTTP 200, results under Kraken's own name for a
// pair.
class Rest final : public RestApi
{
public:
    explicit Rest(const Settings &settings);

protected:
    std::optional<HttpResponse> refuse(const HttpRequest &request) override;
    HttpResponse carryOut(const HttpRequest &request) override;

private:
    HttpResponse trades(const QByteArray &symbol, const HttpRequest &request) const;
    HttpResponse candles(const QByteArray &symbol, const HttpRequest &request) const;
    HttpResponse pairs() const;

    TokenBucket m_bucket;
};

} // namespace tidemill::exchange::kraken
