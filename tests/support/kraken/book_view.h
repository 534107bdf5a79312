// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/simulated_symbol.h"

namespace tidemill::exchange::kraken {

// A book as the clients of one depth have it. What falls out of that depth they drop by themselves; what
// comes back into it they have to be told.
class BookView
{
public:
    BookView(const SimulatedSymbol &symbol, int depth);

    // {"symbol":..,"bids":..} as `data` of a frame: all of it, or what has changed since the last call;
    // nothing when nothing has.
    QByteArray snapshot(const SimulatedSymbol &symbol) const;
    QByteArray update(const SimulatedSymbol &symbol);

private:
    using Levels = std::vector<std::pair<qint64, qint64>>; // best first

    QByteArray entry(const SimulatedSymbol &symbol, const Levels &bids, const Levels &asks) const;
    quint32 checksum() const;

    std::size_t m_depth;
    int m_priceDecimals;
    Levels m_bids;
    Levels m_asks;
    qint64 m_timeUs;
};

// How many decimals a price has, by the symbol's tick.
int priceDecimals(const SimulatedSymbol &symbol);

} // namespace tidemill::exchange::kraken
