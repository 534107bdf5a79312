// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "market_frames.h"

#include <tidemill/batch.h>

#include <QByteArrayView>

namespace tidemill::bench {

// Frames of one trade each of TradeFrames::symbolCount symbols in turn, 65 bytes.
class SbeTradeFrames
{
public:
    static constexpr std::size_t frameSize = 65;

    SbeTradeFrames();

    // Also adds what the frame says to `sums`.
    void append(std::string &out, qint64 index, TradeFrames::Sums &sums) const;

private:
    std::vector<std::string> m_symbols; // of seven characters each
};

// What the same rows cost by hand: every offset a number in the code, and nothing but trades of one message.
class FixedOffsets
{
public:
    bool decode(QByteArrayView frame, Timestamp received, BatchBuilder<Trade> &trades) const;

private:
    Symbol m_exchange{"binance"};
};

} // namespace tidemill::bench
