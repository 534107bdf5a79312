// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "streams.h"

#include <optional>
#include <string_view>

namespace tidemill::binance {

// As much of a binary market data frame as it takes to know its place in its stream; the records in it are
// for transform `sbe_decoder`. By Binance's stream schema (id 1), lengths as the frame has them, so that
// later versions of it are understood as well.
class SbePeek
{
public:
    // Nothing for what is no such message, or not whole.
    static std::optional<SbePeek> read(QByteArrayView frame);

    StreamKind kind() const { return m_kind; }
    std::string_view symbol() const { return m_symbol; } // into the frame
    Timestamp happened() const { return m_happened; }
    // Update ids of the book that it tells: the same twice unless it tells changes.
    qint64 firstId() const { return m_firstId; }
    qint64 lastId() const { return m_lastId; }

    // Of a frame of trades.
    qsizetype tradeCount() const { return m_tradeCount; }
    qint64 tradeId(qsizetype index) const;
    void readTrade(qsizetype index, Trade &trade) const; // id, price, quantity, side

private:
    StreamKind m_kind = StreamKind::Trade;
    std::string_view m_symbol;
    Timestamp m_happened;
    qint64 m_firstId = 0;
    qint64 m_lastId = 0;
    const char *m_trades = nullptr;
    qsizetype m_tradeCount = 0;
    qsizetype m_tradeSize = 0;
    qint8 m_priceExponent = 0;
    qint8 m_quantityExponent = 0;
};

} // namespace tidemill::binance
