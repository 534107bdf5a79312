// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/fake_exchange.h"

#include <QDateTime>

namespace tidemill::testing {

// A market whose whole past a test lays down; nothing more happens in it.
class PastMarket final : public exchange::MarketData
{
public:
    explicit PastMarket(const QByteArray &symbol) : MarketData(1), m_symbol(symbol) {}

    static qint64 us(const char *time)
    {
        return QDateTime::fromString(QLatin1String(time), Qt::ISODate).toMSecsSinceEpoch() * 1000;
    }

    // Each aggregate trade is one trade of the same id plus 100.
    void trade(qint64 id, qint64 timeUs)
    {
        const auto price = *exchange::Number::parse("1.50");
        const auto quantity = *exchange::Number::parse(QByteArray::number(id % 97 + 1) + ".25");
        m_history.append(exchange::TradeRow{id + 100, price, quantity, timeUs, id % 2 == 0});
        m_history.append(exchange::AggTradeRow{id, price, quantity, id + 100, id + 100, timeUs, id % 2 == 0});
    }
    void candle(qint64 openUs, qint64 lengthUs)
    {
        const auto price = *exchange::Number::parse("1.50");
        m_candles.append({.openUs = openUs,
                          .closeUs = openUs + lengthUs - 1,
                          .open = price,
                          .high = price,
                          .low = price,
                          .close = price,
                          .volume = price,
                          .quoteVolume = price,
                          .takerVolume = price,
                          .takerQuoteVolume = price});
    }

    QByteArrayList symbols() const override { return {m_symbol}; }
    qint64 nowUs() const override { return now; }
    std::optional<QByteArray> depth(const QByteArray &, int) override { return {}; }
    const exchange::History *history(const QByteArray &) override { return &m_history; }
    QList<exchange::CandleRow> candles(const QByteArray &, const QByteArray &,
                                       const exchange::RowQuery &query) override
    {
        const auto open = [](const exchange::CandleRow &row) { return row.openUs; };
        return exchange::select(m_candles, query, open, open);
    }
    QByteArrayList candleIntervals() const override { return {"1s", "1m", "1h", "1M"}; }
    Chunks truth(const QByteArray &, const QByteArray &) override
    {
        return [] { return QByteArray(); };
    }
    QJsonObject position() const override { return {}; }

    exchange::History &rows() { return m_history; }
    qint64 now = us("2024-03-05T12:00:00Z");

protected:
    void wake() override {}

private:
    QByteArray m_symbol;
    exchange::History m_history{1000000};
    QList<exchange::CandleRow> m_candles;
};

} // namespace tidemill::testing
