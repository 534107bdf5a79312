// SPDX-License-Identifier: Apache-2.0
#include "history.h"

namespace tidemill::exchange {

QList<TradeRow> History::trades(const RowQuery &query) const
{
    return select(
        m_trades, query, [](const TradeRow &row) { return row.id; },
        [](const TradeRow &row) { return row.timeUs; });
}

QList<AggTradeRow> History::aggTrades(const RowQuery &query) const
{
    return select(
        m_aggTrades, query, [](const AggTradeRow &row) { return row.id; },
        [](const AggTradeRow &row) { return row.timeUs; });
}

} // namespace tidemill::exchange
