// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "redis/redis_server.h"

#include <tidemill/testing.h>

namespace tidemill::redis_stream {

// For tests of the sink as the host drives it, against a real server.
class SinkTest : public QObject
{
protected:
    NodePtr<Sink> make(QVariantMap options)
    {
        if (!options.contains("url"))
            options.insert("url", m_server.url());
        auto sink = testing::create<Sink>(QStringLiteral("redis_stream"), options);
        if (!sink)
            qFatal("%s", qPrintable(sink.error().message));
        m_delivered = std::make_unique<QSignalSpy>((*sink).get(), &Sink::delivered);
        m_partly = std::make_unique<QSignalSpy>((*sink).get(), &Sink::partlyDelivered);
        m_failed = std::make_unique<QSignalSpy>((*sink).get(), &Node::failed);
        if (!(*sink)->start())
            qFatal("start");
        return std::move(*sink);
    }

    static void offer(Sink *sink, const QList<BatchPtr> &batches)
    {
        for (const BatchPtr &batch : batches)
            sink->receive(batch);
        sink->flush();
    }

    static BatchPtr trades(qint64 first, int count, Symbol symbol = Symbol("BTCUSDT"))
    {
        BatchBuilder<Trade> builder;
        for (qint64 id = first; id < first + count; ++id)
            builder.append({.exchange = Symbol("binance"),
                            .symbol = symbol,
                            .ts_event = Timestamp::fromMilliseconds(1700000000000 + id),
                            .trade_id = id,
                            .price = {10000 + id, -2},
                            .quantity = {id, -3},
                            .side = Side::Buy});
        return builder.finish();
    }

    QList<qint64> ids(const QByteArray &stream = "trades:BTCUSDT") const
    {
        QList<qint64> found;
        for (const auto &entry : m_server.entries(stream)) {
            const qsizetype at = entry.indexOf("trade_id");
            if (at > 0)
                found.append(entry[at + 1].toLongLong());
        }
        return found;
    }

    static QList<qint64> range(qint64 first, qint64 count)
    {
        QList<qint64> all;
        for (qint64 id = first; id < first + count; ++id)
            all.append(id);
        return all;
    }

    testing::RedisServer m_server;
    std::unique_ptr<QSignalSpy> m_delivered;
    std::unique_ptr<QSignalSpy> m_partly;
    std::unique_ptr<QSignalSpy> m_failed;
};

} // namespace tidemill::redis_stream
