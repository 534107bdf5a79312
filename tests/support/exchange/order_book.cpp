// SPDX-License-Identifier: Apache-2.0
#include "order_book.h"

#include "number.h"

namespace tidemill::exchange {

namespace {

template<typename Iterator>
QByteArray levels(Iterator level, Iterator end, int limit)
{
    QByteArray json = "[";
    for (; level != end && limit > 0; ++level, --limit) {
        if (json.size() > 1)
            json += ',';
        json += "[\"" + level->second.price + "\",\"" + level->second.quantity + "\"]";
    }
    return json + ']';
}

} // namespace

void OrderBook::set(Side &side, const QJsonArray &levels)
{
    for (const QJsonValue &level : levels) {
        const QByteArray price = level.toArray().at(0).toString().toLatin1();
        const QByteArray quantity = level.toArray().at(1).toString().toLatin1();
        const QByteArray key = sortKey(price);
        if (key.isEmpty() || sortKey(quantity).isEmpty())
            continue;
        if (isZero(quantity))
            side.erase(key);
        else
            side[key] = {price, quantity};
    }
}

bool OrderBook::load(const QJsonObject &snapshot)
{
    if (!snapshot[u"lastUpdateId"].isDouble() || !snapshot[u"bids"].isArray() || !snapshot[u"asks"].isArray())
        return false;
    m_bids.clear();
    m_asks.clear();
    m_lastUpdateId = snapshot[u"lastUpdateId"].toInteger();
    set(m_bids, snapshot[u"bids"].toArray());
    set(m_asks, snapshot[u"asks"].toArray());
    return true;
}

OrderBook::Applied OrderBook::apply(const QJsonObject &event)
{
    if (!event[u"U"].isDouble() || !event[u"u"].isDouble())
        return Applied::Unread;
    const qint64 first = event[u"U"].toInteger();
    const qint64 last = event[u"u"].toInteger();
    if (last <= m_lastUpdateId)
        return Applied::Stale;
    const bool missing = m_lastUpdateId > 0 && first > m_lastUpdateId + 1;
    set(m_bids, event[u"b"].toArray());
    set(m_asks, event[u"a"].toArray());
    m_lastUpdateId = last;
    return missing ? Applied::Gap : Applied::Applied;
}

QByteArray OrderBook::toJson(int limit) const
{
    return "{\"lastUpdateId\":" + QByteArray::number(m_lastUpdateId) +
           ",\"bids\":" + levels(m_bids.rbegin(), m_bids.rend(), limit) +
           ",\"asks\":" + levels(m_asks.begin(), m_asks.end(), limit) + '}';
}

} // namespace tidemill::exchange
