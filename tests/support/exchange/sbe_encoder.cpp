// SPDX-License-Identifier: Apache-2.0
#include "sbe_encoder.h"

#include <QtEndian>

namespace tidemill::exchange::sbe {

namespace {

constexpr qint8 exponent = -8;
constexpr quint16 schemaId = 1;
constexpr quint16 schemaVersion = 0;
constexpr quint16 levelLength = 16;
constexpr quint16 tradeLength = 25;

class Message
{
public:
    Message(quint16 blockLength, quint16 templateId)
    {
        put(blockLength);
        put(templateId);
        put(schemaId);
        put(schemaVersion);
    }

    template<typename Integer>
    void put(Integer value)
    {
        char bytes[sizeof value];
        qToLittleEndian(value, bytes);
        m_bytes.append(bytes, sizeof value);
    }

    void putExponents()
    {
        put(exponent); // of prices
        put(exponent); // of quantities
    }

    template<typename Levels>
    void putLevels(const Levels &levels, qsizetype limit)
    {
        const auto count = std::min(limit, qsizetype(levels.size()));
        put(levelLength);
        put(quint16(count));
        auto level = levels.begin();
        for (qsizetype index = 0; index < count; ++index, ++level) {
            put(level->first);
            put(level->second);
        }
    }

    QByteArray finish(const QByteArray &symbol)
    {
        put(quint8(symbol.size()));
        return m_bytes + symbol;
    }

private:
    QByteArray m_bytes;
};

} // namespace

QByteArray trades(const SimulatedSymbol &symbol, const QList<TradeRow> &trades)
{
    Message message(18, 10000);
    message.put(symbol.nowUs());
    message.put(trades.isEmpty() ? symbol.nowUs() : trades.first().timeUs);
    message.putExponents();
    message.put(tradeLength);
    message.put(quint32(trades.size()));
    for (const TradeRow &trade : trades) {
        message.put(trade.id);
        message.put(trade.price.digits);
        message.put(trade.quantity.digits);
        message.put(quint8(trade.buyerIsMaker));
    }
    return message.finish(symbol.name());
}

QByteArray bestBidAsk(const SimulatedSymbol &symbol)
{
    Message message(50, 10001);
    message.put(symbol.nowUs());
    message.put(symbol.updateId());
    message.putExponents();
    message.put(symbol.bids().begin()->first);
    message.put(symbol.bids().begin()->second);
    message.put(symbol.asks().begin()->first);
    message.put(symbol.asks().begin()->second);
    return message.finish(symbol.name());
}

QByteArray depthSnapshot(const SimulatedSymbol &symbol, int levels)
{
    Message message(18, 10002);
    message.put(symbol.nowUs());
    message.put(symbol.updateId());
    message.putExponents();
    message.putLevels(symbol.bids(), levels);
    message.putLevels(symbol.asks(), levels);
    return message.finish(symbol.name());
}

QByteArray depthDifference(const SimulatedSymbol &symbol, const SimulatedSymbol::Difference &difference)
{
    Message message(26, 10003);
    message.put(symbol.nowUs());
    message.put(difference.firstId);
    message.put(difference.lastId);
    message.putExponents();
    message.putLevels(difference.bids, 0xffff);
    message.putLevels(difference.asks, 0xffff);
    return message.finish(symbol.name());
}

} // namespace tidemill::exchange::sbe
