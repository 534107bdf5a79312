// SPDX-License-Identifier: Apache-2.0
#include "sbe_frames.h"

#include <QtEndian>

namespace tidemill::bench {

namespace {

constexpr std::size_t headerSize = 8;
constexpr std::size_t rootSize = 18;
constexpr std::size_t groupHeadSize = 6;
constexpr std::size_t entrySize = 25;
constexpr quint16 tradeTemplate = 10000;
constexpr qint64 firstTime = 1'760'000'000'000'000; // in microseconds

template<typename Number>
void put(std::string &out, Number value)
{
    const Number wire = qToLittleEndian(value);
    out.append(reinterpret_cast<const char *>(&wire), sizeof wire);
}

template<typename Number>
Number get(const char *at)
{
    return qFromLittleEndian<Number>(at);
}

} // namespace

SbeTradeFrames::SbeTradeFrames()
{
    for (int i = 0; i < TradeFrames::symbolCount; ++i)
        m_symbols.push_back({'S', char('0' + i / 10), char('0' + i % 10), 'U', 'S', 'D', 'T'});
}

void SbeTradeFrames::append(std::string &out, qint64 index, TradeFrames::Sums &sums) const
{
    const std::string &symbol = m_symbols[std::size_t(index % TradeFrames::symbolCount)];
    const qint64 price = 6'123'402'000'000 + index * 1'000'000 % 7'000'000'000;
    const qint64 quantity = 1000 + index * 7919 % 9'000'000;
    put<quint16>(out, rootSize);
    put(out, tradeTemplate);
    put<quint16>(out, 1);
    put<quint16>(out, 0);
    put<qint64>(out, firstTime + index);
    put<qint64>(out, firstTime + index - 500);
    put<qint8>(out, -8);
    put<qint8>(out, -8);
    put<quint16>(out, entrySize);
    put<quint32>(out, 1);
    put<qint64>(out, index + 1);
    put(out, price);
    put(out, quantity);
    put<quint8>(out, index % 3 == 0 ? 1 : 0);
    put<quint8>(out, quint8(symbol.size()));
    out.append(symbol);
    ++sums.rows;
    sums.ids += quint64(index + 1);
    sums.prices += quint64(price);
    sums.quantities += quint64(quantity);
}

bool FixedOffsets::decode(QByteArrayView frame, Timestamp received, BatchBuilder<Trade> &trades) const
{
    const char *at = frame.data();
    const auto size = std::size_t(frame.size());
    if (size < headerSize + rootSize + groupHeadSize || get<quint16>(at + 2) != tradeTemplate)
        return false;
    const char *root = at + headerSize;
    const std::size_t count = get<quint32>(root + rootSize + 2);
    const std::size_t entries = headerSize + rootSize + groupHeadSize;
    if (count > (size - entries) / entrySize)
        return false;
    const std::size_t symbolAt = entries + count * entrySize;
    if (symbolAt >= size || quint8(at[symbolAt]) > size - symbolAt - 1)
        return false;
    const Symbol symbol(QByteArrayView(at + symbolAt + 1, quint8(at[symbolAt])));
    const Timestamp happened = Timestamp::fromMicroseconds(get<qint64>(root + 8));
    const auto priceExponent = qint8(root[16]);
    const auto quantityExponent = qint8(root[17]);
    for (std::size_t i = 0; i < count; ++i) {
        const char *entry = at + entries + i * entrySize;
        trades.append({.exchange = m_exchange,
                       .symbol = symbol,
                       .ts_event = happened,
                       .ts_recv = received,
                       .trade_id = get<qint64>(entry),
                       .price = {get<qint64>(entry + 8), priceExponent},
                       .quantity = {get<qint64>(entry + 16), quantityExponent},
                       .side = entry[24] == 1 ? Side::Sell : Side::Buy});
    }
    return true;
}

} // namespace tidemill::bench
