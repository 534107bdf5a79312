// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QJsonArray>
#include <QJsonObject>

#include <map>

namespace tidemill::exchange {

// A book that keeps every number as the text it came in. Slow and simple on purpose: it is what a fast one is
// checked against, and what answers /api/v3/depth for a tape.
class OrderBook
{
public:
    enum class Applied {
        Stale,   // the book had it already
        Applied, // in order
        Gap,     // update ids are missing before it; applied nevertheless, for quantities are absolute
        Unread,  // not a depth event
    };

    // {"lastUpdateId":..,"bids":[[price,quantity]..],"asks":[..]}; false when it is not that.
    bool load(const QJsonObject &snapshot);

    // {"U":..,"u":..,"b":[..],"a":[..]}
    Applied apply(const QJsonObject &event);

    bool isEmpty() const { return m_bids.empty() && m_asks.empty(); }
    qint64 lastUpdateId() const { return m_lastUpdateId; }

    // The answer of /api/v3/depth: best `limit` levels of each side.
    QByteArray toJson(int limit) const;

private:
    struct Level
    {
        QByteArray price;
        QByteArray quantity;
    };
    using Side = std::map<QByteArray, Level>; // by sortKey(price)

    static void set(Side &side, const QJsonArray &levels);

    Side m_bids;
    Side m_asks;
    qint64 m_lastUpdateId = 0;
};

} // namespace tidemill::exchange
