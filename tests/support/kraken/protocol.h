// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/protocol.h"

namespace tidemill::exchange::kraken {

// Kraken's WebSocket v2 (path /v2) and its public REST. Streams are called "BTC/USD@book-10", after the
// symbol and one of trade, ticker, ticker-bbo, ohlc-<minutes>, book-<depth>.
class KrakenProtocol final : public Protocol
{
public:
    using Protocol::Protocol;

    std::optional<FrontDoor::Refusal> refusal(const UpgradeRequest &request) const override;
    std::unique_ptr<Session> openSession(const UpgradeRequest &request, SessionHost &host) override;
    std::unique_ptr<RestApi> makeRestApi() override;
    std::unique_ptr<MarketData> simulate(const GeneratorOptions &options) override;
    Tape::Namer tapeNamer() const override;
    int messagesPerSecond() const override { return 50; }
    QByteArray corrupted(const QByteArray &payload) const override;
};

} // namespace tidemill::exchange::kraken
