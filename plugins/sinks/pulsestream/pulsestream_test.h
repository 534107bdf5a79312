// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pulsestream/double.h"

#include <tidemill/testing.h>

#include <memory>

namespace tidemill::pulsestream {

// The bridge's own example of a ticker.
inline Ticker exampleTicker(qint64 tradeId = 900000124)
{
    return {.exchange = Symbol("coinbase_exchange"),
            .symbol = Symbol("BTC-USD"),
            .ts_event = *Timestamp::parse("2026-03-02T09:15:17.164892Z"),
            .ts_recv = *Timestamp::parse("2026-03-02T09:15:17.199Z"),
            .sequence = 77000000513,
            .trade_id = tradeId,
            .price = *Decimal::parse("61234.56"),
            .last_quantity = *Decimal::parse("0.00012"),
            .bid_price = *Decimal::parse("61234.56"),
            .bid_quantity = *Decimal::parse("0.25000000"),
            .ask_price = *Decimal::parse("61234.57"),
            .ask_quantity = *Decimal::parse("0.05340000"),
            .open_24h = *Decimal::parse("60900.01"),
            .high_24h = *Decimal::parse("61999.9"),
            .low_24h = *Decimal::parse("60500"),
            .volume_24h = *Decimal::parse("2345.67891230"),
            .volume_30d = *Decimal::parse("123456.78901234"),
            .side = Side::Buy};
}

// Tickers with these trade ids.
inline BatchPtr tickers(qint64 first, int count)
{
    BatchBuilder<Ticker> builder;
    for (int i = 0; i < count; ++i)
        builder.append(exampleTicker(first + i));
    return builder.finish();
}

inline QByteArray idOf(qint64 tradeId)
{
    return "coinbase-BTC-USD-" + QByteArray::number(tradeId);
}

inline QList<QByteArray> idsOf(qint64 first, int count)
{
    QList<QByteArray> ids;
    for (int i = 0; i < count; ++i)
        ids.append(idOf(first + i));
    return ids;
}

// The sink against the stand-in, without a host: a test does what the host would do.
class PulseStreamTest : public QObject
{
protected:
    void begin(QVariantMap options = {})
    {
        m_double = std::make_unique<Double>();
        QVERIFY(m_double->start());
        options.insert("url", options.value("url", m_double->url()));
        if (!options.contains("key"))
            options.insert("key", "test-key");
        options.insert("settle", "50ms");
        auto node = testing::create<Sink>("pulsestream", options);
        if (!node)
            qFatal("%s", qPrintable(node.error().message));
        m_sink = *std::move(node);
        m_delivered = std::make_unique<QSignalSpy>(m_sink.get(), &Sink::delivered);
        m_partly = std::make_unique<QSignalSpy>(m_sink.get(), &Sink::partlyDelivered);
        m_rejected = std::make_unique<QSignalSpy>(m_sink.get(), &Sink::rejected);
        m_failed = std::make_unique<QSignalSpy>(m_sink.get(), &Node::failed);
        m_delayed = std::make_unique<QSignalSpy>(m_sink.get(), &Sink::delayed);
        TIDEMILL_VERIFY(m_sink->start());
    }

    void offer(const QList<BatchPtr> &batches)
    {
        for (const BatchPtr &batch : batches)
            m_sink->receive(batch);
        m_sink->flush();
    }

    Service &service() { return m_double->service; }
    QString failure(int index) const { return m_failed->at(index).first().value<Error>().message; }
    std::chrono::milliseconds delay(int index) const
    {
        return m_delayed->at(index).at(1).value<std::chrono::milliseconds>();
    }
    QList<RowFailure> failedRows(int index) const
    {
        return m_partly->at(index).at(1).value<QList<RowFailure>>();
    }

    std::unique_ptr<Double> m_double;
    NodePtr<Sink> m_sink;
    std::unique_ptr<QSignalSpy> m_delivered;
    std::unique_ptr<QSignalSpy> m_partly;
    std::unique_ptr<QSignalSpy> m_rejected;
    std::unique_ptr<QSignalSpy> m_failed;
    std::unique_ptr<QSignalSpy> m_delayed;
};

} // namespace tidemill::pulsestream
