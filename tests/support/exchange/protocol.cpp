// SPDX-License-Identifier: Apache-2.0
#include "protocol.h"

#include "binance_protocol.h"
#include "coinbase_advanced/protocol.h"
#include "coinbase_exchange/protocol.h"
#include "kraken/protocol.h"

namespace tidemill::exchange {

std::unique_ptr<Protocol> Protocol::create(const Settings &settings)
{
    switch (settings.protocol) {
    case ProtocolName::CoinbaseExchange:
        return std::make_unique<coinbase_exchange::CoinbaseExchangeProtocol>(settings);
    case ProtocolName::CoinbaseAdvanced:
        return std::make_unique<coinbase_advanced::CoinbaseAdvancedProtocol>(settings);
    case ProtocolName::Kraken:
        return std::make_unique<kraken::KrakenProtocol>(settings);
    case ProtocolName::Binance:
        break;
    }
    return std::make_unique<BinanceProtocol>(settings);
}

} // namespace tidemill::exchange
