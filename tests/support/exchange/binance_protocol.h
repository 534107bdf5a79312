// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol.h"

namespace tidemill::exchange {

// Binance's spot market.
class BinanceProtocol final : public Protocol
{
public:
    using Protocol::Protocol;

    std::optional<FrontDoor::Refusal> refusal(const UpgradeRequest &request) const override;
    std::unique_ptr<Session> openSession(const UpgradeRequest &request, SessionHost &host) override;
    std::unique_ptr<RestApi> makeRestApi() override;
    std::unique_ptr<MarketData> simulate(const GeneratorOptions &options) override;
    int messagesPerSecond() const override { return 5; }
};

} // namespace tidemill::exchange
