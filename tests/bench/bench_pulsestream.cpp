// SPDX-License-Identifier: Apache-2.0
#include "chain.h"
#include "measurement.h"
#include "product.h"
#include "responder.h"
#include "usage.h"

#include <unistd.h>

namespace tidemill::bench {

namespace {

constexpr qint64 rowsOfBatch = 50;
constexpr int eventsOfRequest = 100;

std::vector<BatchPtr> tickerBatches(qint64 count)
{
    std::vector<BatchPtr> batches;
    BatchBuilder<Ticker> builder;
    for (qint64 id = 1; id <= count; ++id) {
        builder.append({.exchange = Symbol("coinbase_exchange"),
                        .symbol = Symbol("BTC-USD"),
                        .ts_event = Timestamp::fromMilliseconds(1'772'442'917'164 + id),
                        .ts_recv = Timestamp::fromMilliseconds(1'772'442'917'199 + id),
                        .sequence = 77'000'000'000 + id,
                        .trade_id = 900'000'000 + id,
                        .price = {6'123'456 + id % 1000, -2},
                        .last_quantity = {12'000 + id % 1000, -8},
                        .bid_price = {6'123'456, -2},
                        .bid_quantity = {25'000'000, -8},
                        .ask_price = {6'123'457, -2},
                        .ask_quantity = {5'340'000, -8},
                        .open_24h = {6'090'001, -2},
                        .high_24h = {619'999, -1},
                        .low_24h = {60'500, 0},
                        .volume_24h = {234'567'891'230, -8},
                        .volume_30d = {12'345'678'901'234, -8},
                        .side = Side::Buy});
        if (builder.size() == rowsOfBatch || id == count)
            batches.push_back(builder.finish());
    }
    return batches;
}

Figures figuresOf(qint64 events, qint64 wall, qint64 cpu)
{
    return {{"events", double(events) * 1e9 / double(wall)},
            {"cpu", double(cpu) / 1000 / double(events)},
            {"memory", memoryMb("VmHWM")}};
}

// Through the sink and what the host has in front of it.
Result<> post(quint16 port, const std::vector<BatchPtr> &batches, qint64 rows)
{
    host::PluginRegistry plugins(benchPluginPaths());
    if (const auto loaded = plugins.load(host::NodeKind::Sink, QStringLiteral("pulsestream")); !loaded)
        return loaded.error();
    auto sink = plugins.create(host::NodeKind::Sink, QStringLiteral("pulsestream"));
    if (!sink)
        return sink.error();
    const QVariantMap options{{"url", QStringLiteral("http://127.0.0.1:%1/events").arg(port)},
                              {"key", "k"},
                              {"events_per_request", eventsOfRequest}};
    OptionErrors errors = (*sink)->options().apply(Value::fromVariant(options));
    if (errors.isEmpty())
        errors = (*sink)->validate();
    if (!errors.isEmpty())
        return broken(errors.first().toString());
    auto *source = new FeedingSource(batches);
    Chain chain;
    chain.add(NodePtr<>(source), host::NodeKind::Source);
    chain.add(std::move(*sink), host::NodeKind::Sink);
    if (const auto started = chain.start(); !started)
        return started.error();
    return chain.run(*source, 1, quint64(rows));
}

Result<Figures> measureSink(const Extent &extent)
{
    const qint64 events = extent.of(200'000);
    const auto batches = tickerBatches(events);
    Responder responder;
    if (const auto started = responder.start(); !started)
        return started.error();
    const qint64 wall = wallNs();
    const qint64 cpu = processCpuNs();
    if (const auto posted = post(responder.port(), batches, events); !posted)
        return posted.error();
    return figuresOf(events, wallNs() - wall, processCpuNs() - cpu);
}

// A finished request of as many events, of the size that the sink's have, again and again.
Result<Figures> measureByHand(const Extent &extent)
{
    const qint64 events = extent.of(200'000);
    Responder responder;
    if (const auto started = responder.start(); !started)
        return started.error();
    constexpr qsizetype eventBytes = 1450;
    const QByteArray event = "{\"event_type\":\"" + QByteArray(eventBytes - 18, 'x') + "\"},";
    QByteArray body = "{\"events\":[" + event.repeated(eventsOfRequest);
    body.back() = ']';
    body += '}';
    const QByteArray request = "POST /events/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: k\r\n"
                               "Content-Type: application/json\r\nContent-Length: " +
                               QByteArray::number(body.size()) + "\r\n\r\n" + body;
    const int connection = connectTo(responder.port());
    if (connection < 0)
        return broken(QStringLiteral("no connection to the responder"));
    const qint64 wall = wallNs();
    const qint64 cpu = processCpuNs();
    QByteArray unread;
    bool isWhole = true;
    for (qint64 sent = 0; isWhole && sent < events; sent += eventsOfRequest)
        isWhole = writeAll(connection, request) && !readMessage(connection, unread).isEmpty();
    const Figures figures = figuresOf(events, wallNs() - wall, processCpuNs() - cpu);
    close(connection);
    if (!isWhole)
        return broken(QStringLiteral("the responder has hung up"));
    return figures;
}

} // namespace

std::vector<Bench> pulseStreamBenches()
{
    return {{.name = "pulsestream",
             .about = "tickers as events over one connection, 100 a request",
             .figures = {{"events", "events/s", true}, {"cpu", "us CPU"}, {"memory", "MB"}},
             .candidate = measureSink,
             .floor = measureByHand}};
}

} // namespace tidemill::bench
