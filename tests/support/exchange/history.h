// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "number.h"

#include <QList>

#include <algorithm>
#include <deque>
#include <optional>

namespace tidemill::exchange {

struct TradeRow
{
    qint64 id = 0;
    Number price;
    Number quantity;
    qint64 timeUs = 0;
    bool buyerIsMaker = false;
};

struct AggTradeRow
{
    qint64 id = 0;
    Number price;
    Number quantity;
    qint64 firstId = 0;
    qint64 lastId = 0;
    qint64 timeUs = 0;
    bool buyerIsMaker = false;
};

struct CandleRow
{
    qint64 openUs = 0;
    qint64 closeUs = 0; // last microsecond that belongs to it
    Number open;
    Number high;
    Number low;
    Number close;
    Number volume;
    Number quoteVolume;
    Number takerVolume;
    Number takerQuoteVolume;
    qint64 firstId = -1;
    qint64 lastId = -1;
    qint64 count = 0;
};

// What is asked of a list in ascending order: everything inclusive, oldest first unless neither start is
// given.
struct RowQuery
{
    std::optional<qint64> fromId;
    std::optional<qint64> startUs;
    std::optional<qint64> endUs;
    int limit = 500;
};

// The last `limit` rows of each kind, as REST gives them out.
class History
{
public:
    explicit History(qsizetype limit) : m_limit(limit) {}

    void append(const TradeRow &row) { keep(m_trades, row); }
    void append(const AggTradeRow &row) { keep(m_aggTrades, row); }

    QList<TradeRow> trades(const RowQuery &query) const;
    QList<AggTradeRow> aggTrades(const RowQuery &query) const;

private:
    template<typename Row>
    void keep(std::deque<Row> &rows, const Row &row)
    {
        rows.push_back(row);
        if (qsizetype(rows.size()) > m_limit)
            rows.pop_front();
    }

    qsizetype m_limit;
    std::deque<TradeRow> m_trades;
    std::deque<AggTradeRow> m_aggTrades;
};

// The rows of `rows` (ascending by id and by time) that `query` asks for.
template<typename Rows, typename Id, typename Time>
auto select(const Rows &rows, const RowQuery &query, Id id, Time time)
{
    auto begin = rows.begin();
    auto end = rows.end();
    const auto first = [&](auto key, qint64 value) {
        return std::partition_point(rows.begin(), rows.end(),
                                    [&](const auto &row) { return key(row) < value; });
    };
    if (query.fromId)
        begin = std::max(begin, first(id, *query.fromId));
    if (query.startUs)
        begin = std::max(begin, first(time, *query.startUs));
    if (query.endUs)
        end = first(time, *query.endUs + 1);
    if (end < begin)
        end = begin;
    if (end - begin > query.limit) {
        if (query.fromId || query.startUs)
            end = begin + query.limit;
        else
            begin = end - query.limit;
    }
    return QList<typename Rows::value_type>(begin, end);
}

} // namespace tidemill::exchange
