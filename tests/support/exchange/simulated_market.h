// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulated_symbol.h"

#include <queue>

namespace tidemill::exchange {

// All symbols on one clock. Two markets with the same options take the same steps, which is how a record of
// what has happened need not be kept: it is made again.
class SimulatedMarket
{
public:
    explicit SimulatedMarket(const GeneratorOptions &options);

    void step(MarketListener &listener);
    qint64 steps() const { return m_steps; }
    qint64 nextUs() const { return m_queue.top().first; }
    qint64 nowUs() const { return m_nowUs; }

    const std::vector<SimulatedSymbol> &symbols() const { return m_symbols; }
    std::vector<SimulatedSymbol> &symbols() { return m_symbols; }

private:
    using Due = std::pair<qint64, std::size_t>; // when, and which symbol

    std::vector<SimulatedSymbol> m_symbols;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> m_queue;
    qint64 m_nowUs;
    qint64 m_steps = 0;
};

} // namespace tidemill::exchange
