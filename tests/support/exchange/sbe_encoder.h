// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulated_symbol.h"

namespace tidemill::exchange::sbe {

// Binance's binary stream messages (schema 1, version 0), written field by field after the published schema;
// nothing is shared with whatever decodes them.
QByteArray trades(const SimulatedSymbol &symbol, const QList<TradeRow> &trades); // TradesStreamEvent
QByteArray bestBidAsk(const SimulatedSymbol &symbol);                            // BestBidAskStreamEvent
QByteArray depthSnapshot(const SimulatedSymbol &symbol, int levels);             // DepthSnapshotStreamEvent
QByteArray depthDifference(const SimulatedSymbol &symbol,
                           const SimulatedSymbol::Difference &difference); // DepthDiffStreamEvent

} // namespace tidemill::exchange::sbe
