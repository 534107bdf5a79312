// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/rest_api.h"
#include "exchange/token_bucket.h"

namespace tidemill::exchange::coinbase_exchange {

// /time, /products, /products/{id} and its trades, candles, ticker and book.
class Rest final : public RestApi
{
public:
    explicit Rest(const Settings &settings);

protected:
    std::optional<HttpResponse> refuse(const HttpRequest &request) override;
    HttpResponse carryOut(const HttpRequest &request) override;

private:
    HttpResponse products() const;
    HttpResponse trades(const QByteArray &product, const HttpRequest &request);
    HttpResponse candles(const QByteArray &product, const HttpRequest &request);
    HttpResponse ticker(const QByteArray &product);

    TokenBucket m_bucket;
};

// Unix seconds or ISO 8601, to microseconds.
std::optional<qint64> parseTime(const QByteArray &text);

} // namespace tidemill::exchange::coinbase_exchange
