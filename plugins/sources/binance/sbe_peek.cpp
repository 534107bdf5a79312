// SPDX-License-Identifier: Apache-2.0
#include "sbe_peek.h"

#include <QtEndian>

namespace tidemill::binance {

namespace {

// Reads on behind what it has read; nothing beyond the frame's end.
class Cursor
{
public:
    explicit Cursor(QByteArrayView frame) : m_at(frame.data()), m_end(frame.data() + frame.size()) {}

    const char *take(quint64 size)
    {
        if (size > quint64(m_end - m_at))
            return nullptr;
        return std::exchange(m_at, m_at + size);
    }
    template<typename Number>
    bool read(Number &number)
    {
        const char *from = take(sizeof number);
        if (from)
            number = qFromLittleEndian<Number>(from);
        return from != nullptr;
    }
    // A group of entries: their size, and how many; skipped as a whole.
    template<typename Count>
    const char *takeGroup(quint16 &size, Count &count)
    {
        return read(size) && read(count) ? take(quint64(size) * quint64(count)) : nullptr;
    }
    bool readText(std::string_view &text)
    {
        quint8 size = 0;
        const char *from = read(size) ? take(size) : nullptr;
        if (from)
            text = {from, size};
        return from != nullptr;
    }

private:
    const char *m_at;
    const char *m_end;
};

template<typename Number>
Number at(const char *from, qsizetype offset)
{
    return qFromLittleEndian<Number>(from + offset);
}

enum Template : quint16 { Trades = 10000, BestBidAsk = 10001, DepthSnapshot = 10002, DepthDiff = 10003 };

constexpr quint16 schemaOfStreams = 1;
constexpr quint16 tradeBlock = 25;

// Of the fields that are known.
quint16 blockOf(quint16 templateId)
{
    switch (templateId) {
    case Trades:
    case DepthSnapshot:
        return 18;
    case BestBidAsk:
        return 50;
    default:
        return 26;
    }
}

} // namespace

std::optional<SbePeek> SbePeek::read(QByteArrayView frame)
{
    Cursor cursor(frame);
    quint16 blockLength = 0;
    quint16 templateId = 0;
    quint16 schema = 0;
    quint16 version = 0;
    if (!cursor.read(blockLength) || !cursor.read(templateId) || !cursor.read(schema) ||
        !cursor.read(version) || schema != schemaOfStreams || templateId < Trades || templateId > DepthDiff ||
        blockLength < blockOf(templateId))
        return {};
    const char *block = cursor.take(blockLength);
    if (!block)
        return {};

    SbePeek peek;
    quint16 entrySize = 0;
    quint32 trades = 0;
    quint16 levels = 0;
    bool isWhole = true;
    qint64 happened = at<qint64>(block, 0);
    switch (templateId) {
    case Trades:
        happened = at<qint64>(block, 8); // of the transaction
        peek.m_priceExponent = at<qint8>(block, 16);
        peek.m_quantityExponent = at<qint8>(block, 17);
        peek.m_trades = cursor.takeGroup(entrySize, trades);
        peek.m_tradeSize = entrySize;
        peek.m_tradeCount = trades;
        isWhole = peek.m_trades && entrySize >= tradeBlock;
        break;
    case BestBidAsk:
        peek.m_kind = StreamKind::BookTicker;
        peek.m_firstId = peek.m_lastId = at<qint64>(block, 8);
        break;
    case DepthSnapshot:
        peek.m_kind = StreamKind::PartialDepth;
        peek.m_firstId = peek.m_lastId = at<qint64>(block, 8);
        isWhole = cursor.takeGroup(entrySize, levels) && cursor.takeGroup(entrySize, levels);
        break;
    default:
        peek.m_kind = StreamKind::Depth;
        peek.m_firstId = at<qint64>(block, 8);
        peek.m_lastId = at<qint64>(block, 16);
        isWhole = cursor.takeGroup(entrySize, levels) && cursor.takeGroup(entrySize, levels);
        break;
    }
    const auto time = Timestamp::fromEpoch(happened);
    if (!isWhole || !cursor.readText(peek.m_symbol) || !time)
        return {};
    peek.m_happened = *time;
    return peek;
}

qint64 SbePeek::tradeId(qsizetype index) const
{
    return at<qint64>(m_trades + index * m_tradeSize, 0);
}

void SbePeek::readTrade(qsizetype index, Trade &trade) const
{
    const char *entry = m_trades + index * m_tradeSize;
    trade.trade_id = at<qint64>(entry, 0);
    trade.price = Decimal{at<qint64>(entry, 8), m_priceExponent};
    trade.quantity = Decimal{at<qint64>(entry, 16), m_quantityExponent};
    trade.side = at<quint8>(entry, 24) == 1 ? Side::Sell : Side::Buy;
}

} // namespace tidemill::binance
