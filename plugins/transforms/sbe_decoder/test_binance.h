// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QList>
#include <QtEndian>

// Frames of Binance's market streams, packed by hand: what the decoder is told to read by its schema is
// written here without one.

namespace tidemill::sbe {

class Packer
{
public:
    template<typename Number>
    Packer &number(Number value)
    {
        const Number wire = qToLittleEndian(value);
        m_bytes.append(reinterpret_cast<const char *>(&wire), sizeof wire);
        return *this;
    }
    Packer &header(quint16 blockLength, quint16 templateId, quint16 schemaId = 1, quint16 version = 0)
    {
        return number(blockLength).number(templateId).number(schemaId).number(version);
    }
    Packer &text(const QByteArray &text)
    {
        m_bytes.append(char(text.size())).append(text);
        return *this;
    }
    QByteArray bytes() const { return m_bytes; }

private:
    QByteArray m_bytes;
};

struct PackedTrade
{
    qint64 id = 0;
    qint64 price = 0;
    qint64 quantity = 0;
    quint8 isBuyerMaker = 0;
};

constexpr qint64 packedTime = 1760000000123456; // in microseconds

inline QByteArray tradeFrame(const QByteArray &symbol, const QList<PackedTrade> &trades,
                             qint8 priceExponent = -8, qint8 quantityExponent = -8, qint64 time = packedTime)
{
    Packer frame;
    frame.header(18, 10000).number(time + 1000).number(time).number(priceExponent).number(quantityExponent);
    frame.number(quint16(25)).number(quint32(trades.size()));
    for (const PackedTrade &trade : trades)
        frame.number(trade.id).number(trade.price).number(trade.quantity).number(trade.isBuyerMaker);
    return frame.text(symbol).bytes();
}

inline QByteArray quoteFrame(const QByteArray &symbol)
{
    Packer frame;
    frame.header(50, 10001).number(packedTime).number(qint64(77)).number(qint8(-2)).number(qint8(-3));
    frame.number(qint64(10001)).number(qint64(2000)).number(qint64(10002)).number(qint64(3000));
    return frame.text(symbol).bytes();
}

using PackedLevels = QList<std::pair<qint64, qint64>>;

inline void packLevels(Packer &frame, const PackedLevels &levels)
{
    frame.number(quint16(16)).number(quint16(levels.size()));
    for (const auto &[price, quantity] : levels)
        frame.number(price).number(quantity);
}

inline QByteArray snapshotFrame(const QByteArray &symbol, qint64 id, const PackedLevels &bids,
                                const PackedLevels &asks)
{
    Packer frame;
    frame.header(18, 10002).number(packedTime).number(id).number(qint8(-2)).number(qint8(0));
    packLevels(frame, bids);
    packLevels(frame, asks);
    return frame.text(symbol).bytes();
}

inline QByteArray depthFrame(const QByteArray &symbol, qint64 first, qint64 last, const PackedLevels &bids,
                             const PackedLevels &asks)
{
    Packer frame;
    frame.header(26, 10003).number(packedTime).number(first).number(last).number(qint8(-2)).number(qint8(0));
    packLevels(frame, bids);
    packLevels(frame, asks);
    return frame.text(symbol).bytes();
}

} // namespace tidemill::sbe
