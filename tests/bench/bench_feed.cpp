// SPDX-License-Identifier: Apache-2.0
#include "feed_run.h"
#include "floor_parser.h"
#include "raw_client.h"

#include <algorithm>

namespace tidemill::bench {

namespace {

constexpr qint64 warmUpFrames = 50'000;
constexpr int latencyRate = 10'000;

QList<Product::NodeSpec> tradePipeline(const Blaster &blaster)
{
    return {{"feed",
             host::NodeKind::Source,
             "binance",
             {},
             binanceOptions(blaster, TradeFrames::symbols(), "trade")},
            {"out", host::NodeKind::Sink, "bench_probe", {"feed"}, {}}};
}

Result<> compare(const TradeFrames::Sums &got, const TradeFrames::Sums &expected)
{
    if (got == expected)
        return {};
    return broken(
        QStringLiteral(
            "the trades do not add up: %1 rows, ids %2, prices %3, quantities %4; expected %5, %6, %7, %8")
            .arg(got.rows)
            .arg(got.ids)
            .arg(got.prices)
            .arg(got.quantities)
            .arg(expected.rows)
            .arg(expected.ids)
            .arg(expected.prices)
            .arg(expected.quantities));
}

// Stops, and compares what came with what was sent. A gap record, say, would be one row too many.
Result<> finishTrades(Product &product, const TradeFrames &frames, qint64 sent)
{
    if (const auto stopped = product.stop(); !stopped)
        return stopped.error();
    if (product.probe().otherRows != 0)
        return broken(QStringLiteral("%1 rows that are no trades").arg(product.probe().otherRows));
    return compare(product.probe().trades, frames.sums(sent));
}

Result<Figures> tradeCandidate(const Extent &extent)
{
    const TradeFrames frames;
    const qint64 measured = extent.of(3'000'000);
    const auto blaster = Blaster::start(frames, {{warmUpFrames, measured}});
    if (!blaster)
        return blaster.error();
    Product product;
    if (const auto started = product.start(tradePipeline(**blaster)); !started)
        return started.error();
    if (const auto warm = product.waitForRows(warmUpFrames); !warm)
        return warm.error();

    const Span span;
    (*blaster)->go();
    const auto all = product.waitForRows(quint64(warmUpFrames + measured));
    const Figures figures = span.perFrame(measured);
    if (!all)
        return all.error();
    if (const auto good = finishTrades(product, frames, warmUpFrames + measured); !good)
        return good.error();
    return figures;
}

// Reads trades by hand until there are `until` of them.
Result<> readTrades(RawClient &client, FloorParser &parser, TradeFrames::Sums &sums, quint64 until,
                    std::vector<qint64> *latencies)
{
    std::vector<Trade> rows;
    bool good = true;
    while (sums.rows < until) {
        rows.clear();
        const bool open = client.readMessages([&](std::string_view message, Timestamp received) {
            good = parser.parseTrade(message, received, rows.emplace_back()) && good;
        });
        if (!open || !good)
            return broken(
                QStringLiteral("floor: the stream ended or a frame is wrong after %1").arg(sums.rows));
        sums.add(rows);
        if (latencies) {
            const Timestamp now = Timestamp::now();
            for (const Trade &trade : rows)
                latencies->push_back((now - trade.ts_event).count());
        }
    }
    return {};
}

Result<Figures> tradeFloor(const Extent &extent)
{
    const TradeFrames frames;
    const qint64 measured = extent.of(3'000'000);
    const auto blaster = Blaster::start(frames, {{warmUpFrames, measured}});
    if (!blaster)
        return blaster.error();
    const auto client = RawClient::connect((*blaster)->port(), (*blaster)->caFile());
    if (!client)
        return client.error();
    FloorParser parser(TradeFrames::symbols(), "@trade");
    TradeFrames::Sums sums;
    if (const auto warm = readTrades(**client, parser, sums, warmUpFrames, nullptr); !warm)
        return warm.error();

    const Span span;
    (*blaster)->go();
    const auto all = readTrades(**client, parser, sums, quint64(warmUpFrames + measured), nullptr);
    const Figures figures = span.perFrame(measured);
    if (!all)
        return all.error();
    if (const auto good = compare(sums, frames.sums(warmUpFrames + measured)); !good)
        return good.error();
    return figures;
}

// --- latency

Figures percentiles(std::vector<qint64> latencies)
{
    std::sort(latencies.begin(), latencies.end());
    const auto at = [&latencies](std::size_t perThousand) {
        return double(latencies[(latencies.size() - 1) * perThousand / 1000]) / 1000;
    };
    return {{"p50", at(500)}, {"p99", at(990)}};
}

Result<Figures> latencyCandidate(const Extent &extent)
{
    const TradeFrames frames(Stamps::Now);
    const qint64 measured = extent.quick ? latencyRate : 3 * latencyRate;
    const auto blaster = Blaster::start(frames, {{latencyRate / 10, measured}, latencyRate});
    if (!blaster)
        return blaster.error();
    Product product;
    if (const auto started = product.start(tradePipeline(**blaster)); !started)
        return started.error();
    if (const auto warm = product.waitForRows(latencyRate / 10); !warm)
        return warm.error();

    product.probe().latencies.reserve(std::size_t(measured));
    (*blaster)->go();
    if (const auto all = product.waitForRows(quint64(latencyRate / 10 + measured)); !all)
        return all.error();
    if (const auto good = finishTrades(product, frames, latencyRate / 10 + measured); !good)
        return good.error();
    return percentiles(product.probe().latencies);
}

Result<Figures> latencyFloor(const Extent &extent)
{
    const TradeFrames frames(Stamps::Now);
    const qint64 measured = extent.quick ? latencyRate : 3 * latencyRate;
    const auto blaster = Blaster::start(frames, {{latencyRate / 10, measured}, latencyRate});
    if (!blaster)
        return blaster.error();
    const auto client = RawClient::connect((*blaster)->port(), (*blaster)->caFile());
    if (!client)
        return client.error();
    FloorParser parser(TradeFrames::symbols(), "@trade");
    TradeFrames::Sums sums;
    std::vector<qint64> latencies;
    latencies.reserve(std::size_t(measured));
    if (const auto warm = readTrades(**client, parser, sums, latencyRate / 10, nullptr); !warm)
        return warm.error();
    (*blaster)->go();
    if (const auto all = readTrades(**client, parser, sums, quint64(latencyRate / 10 + measured), &latencies);
        !all)
        return all.error();
    if (const auto good = compare(sums, frames.sums(latencyRate / 10 + measured)); !good)
        return good.error();
    return percentiles(std::move(latencies));
}

} // namespace

std::vector<Bench> feedBenches()
{
    return {
        {"trade_frame_tls",
         "a Binance trade frame, from the TLS socket to a row in the sink",
         {{"", "ns CPU", false, 1.8}, {"rate", "M/s", true}, {"memory", "MB"}},
         tradeCandidate,
         tradeFloor},
        {"latency",
         "from the exchange's sending a trade to the sink, 10,000 a second over TLS",
         {{"p50", "us", false, 2}, {"p99", "us", false, 3}},
         latencyCandidate,
         latencyFloor},
    };
}

} // namespace tidemill::bench
