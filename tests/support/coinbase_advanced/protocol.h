// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "coinbase_advanced/jwt.h"
#include "exchange/protocol.h"

namespace tidemill::exchange::coinbase_advanced {

// Coinbase Advanced Trade's market data and its public candles. Streams are called "BTC-USD@market_trades",
// after the product and one of ticker, ticker_batch, market_trades, candles, level2; and "@heartbeats".
class CoinbaseAdvancedProtocol final : public Protocol
{
public:
    explicit CoinbaseAdvancedProtocol(const Settings &settings);

    std::optional<FrontDoor::Refusal> refusal(const UpgradeRequest &request) const override;
    std::unique_ptr<Session> openSession(const UpgradeRequest &request, SessionHost &host) override;
    std::unique_ptr<RestApi> makeRestApi() override;
    std::unique_ptr<MarketData> simulate(const GeneratorOptions &options) override;
    Tape::Namer tapeNamer() const override;
    int messagesPerSecond() const override { return 8; }

private:
    JwtVerifier m_verifier;
};

} // namespace tidemill::exchange::coinbase_advanced
