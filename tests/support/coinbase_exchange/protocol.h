// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/protocol.h"

namespace tidemill::exchange::coinbase_exchange {

// Coinbase Exchange's market data feed and its public REST. Streams are called "BTC-USD@matches", after the
// product and one of ticker, ticker_batch, matches, level2, heartbeat.
class CoinbaseExchangeProtocol final : public Protocol
{
public:
    using Protocol::Protocol;

    std::optional<FrontDoor::Refusal> refusal(const UpgradeRequest &request) const override;
    std::unique_ptr<Session> openSession(const UpgradeRequest &request, SessionHost &host) override;
    std::unique_ptr<RestApi> makeRestApi() override;
    std::unique_ptr<MarketData> simulate(const GeneratorOptions &options) override;
    Tape::Namer tapeNamer() const override;
    int messagesPerSecond() const override { return 100; }
};

} // namespace tidemill::exchange::coinbase_exchange
