// SPDX-License-Identifier: Apache-2.0
#include "kraken/book_view.h"

#include "exchange/crc32.h"
#include "exchange/wire_text.h"

#include <algorithm>

namespace tidemill::exchange::kraken {

namespace {

using Levels = std::vector<std::pair<qint64, qint64>>;

constexpr int quantityDecimals = 8;
constexpr std::size_t checkedLevels = 10; // of each side

template<typename Side>
Levels first(const Side &side, std::size_t count)
{
    return {side.begin(), std::next(side.begin(), std::ptrdiff_t(std::min(count, side.size())))};
}

// What turns `old` into `now` for a client that cuts its book to `depth` levels.
Levels changes(const Levels &old, const Levels &now, bool full, bool descending)
{
    Levels result;
    for (const auto &level : now) {
        if (std::find(old.begin(), old.end(), level) == old.end())
            result.push_back(level);
    }
    for (const auto &[price, quantity] : old) {
        const bool gone = std::none_of(now.begin(), now.end(),
                                       [price = price](const auto &level) { return level.first == price; });
        const bool inside = !full || (descending ? price > now.back().first : price < now.back().first);
        if (gone && inside)
            result.emplace_back(price, 0);
    }
    return result;
}

QByteArray levelsJson(const Levels &levels, int decimals)
{
    QByteArrayList list;
    for (const auto &[price, quantity] : levels)
        list.append("{\"price\":" + fixedText(price, decimals) +
                    ",\"qty\":" + fixedText(quantity, quantityDecimals) + '}');
    return '[' + list.join(',') + ']';
}

QByteArray digits(QByteArray text)
{
    text.replace(".", "");
    qsizetype zeros = 0;
    while (zeros < text.size() && text[zeros] == '0')
        ++zeros;
    return text.mid(zeros);
}

} // namespace

int priceDecimals(const SimulatedSymbol &symbol)
{
    int decimals = quantityDecimals;
    for (qint64 tick = symbol.tick(); tick >= 10; tick /= 10)
        --decimals;
    return decimals;
}

BookView::BookView(const SimulatedSymbol &symbol, int depth)
    : m_depth(std::size_t(depth))
    , m_priceDecimals(priceDecimals(symbol))
    , m_bids(first(symbol.bids(), m_depth))
    , m_asks(first(symbol.asks(), m_depth))
    , m_timeUs(symbol.nowUs())
{}

quint32 BookView::checksum() const
{
    QByteArray text;
    for (const Levels *side : {&m_asks, &m_bids}) {
        for (std::size_t index = 0; index < std::min(checkedLevels, side->size()); ++index) {
            text += digits(fixedText((*side)[index].first, m_priceDecimals));
            text += digits(fixedText((*side)[index].second, quantityDecimals));
        }
    }
    return crc32(text);
}

QByteArray BookView::entry(const SimulatedSymbol &symbol, const Levels &bids, const Levels &asks) const
{
    return "{\"symbol\":\"" + symbol.name() + "\",\"bids\":" + levelsJson(bids, m_priceDecimals) +
           ",\"asks\":" + levelsJson(asks, m_priceDecimals) +
           ",\"checksum\":" + QByteArray::number(checksum()) + ",\"timestamp\":\"" + isoTimeFull(m_timeUs) +
           "\"}";
}

QByteArray BookView::snapshot(const SimulatedSymbol &symbol) const
{
    return entry(symbol, m_bids, m_asks);
}

QByteArray BookView::update(const SimulatedSymbol &symbol)
{
    Levels bids = first(symbol.bids(), m_depth);
    Levels asks = first(symbol.asks(), m_depth);
    const Levels changedBids = changes(m_bids, bids, bids.size() == m_depth, true);
    const Levels changedAsks = changes(m_asks, asks, asks.size() == m_depth, false);
    m_bids = std::move(bids);
    m_asks = std::move(asks);
    m_timeUs = symbol.nowUs();
    if (changedBids.empty() && changedAsks.empty())
        return {};
    return entry(symbol, changedBids, changedAsks);
}

} // namespace tidemill::exchange::kraken
