// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/rest_api.h"
#include "exchange/token_bucket.h"

namespace tidemill::exchange::coinbase_advanced {

// /api/v3/brokerage/market/products/{id}/candles
class Rest final : public RestApi
{
public:
    explicit Rest(const Settings &settings);

protected:
    std::optional<HttpResponse> refuse(const HttpRequest &request) override;
    HttpResponse carryOut(const HttpRequest &request) override;

private:
    TokenBucket m_bucket;
};

} // namespace tidemill::exchange::coinbase_advanced
