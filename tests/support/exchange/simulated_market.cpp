// SPDX-License-Identifier: Apache-2.0
#include "simulated_market.h"

namespace tidemill::exchange {

SimulatedMarket::SimulatedMarket(const GeneratorOptions &options) : m_nowUs(options.epochUs)
{
    Q_ASSERT(!options.symbols.isEmpty());
    m_symbols.reserve(std::size_t(options.symbols.size()));
    for (const QByteArray &name : options.symbols) {
        m_symbols.emplace_back(name, options, m_symbols.size());
        m_queue.emplace(m_symbols.back().nextUs(), m_symbols.size() - 1);
    }
}

void SimulatedMarket::step(MarketListener &listener)
{
    const Due due = m_queue.top();
    m_queue.pop();
    m_nowUs = due.first;
    SimulatedSymbol &symbol = m_symbols[due.second];
    symbol.step(listener);
    m_queue.emplace(symbol.nextUs(), due.second);
    ++m_steps;
}

} // namespace tidemill::exchange
