// SPDX-License-Identifier: Apache-2.0
#include "feed_run.h"
#include "floor_parser.h"
#include "raw_client.h"

namespace tidemill::bench {

namespace {

constexpr qint64 depthWarmUp = 5'000;

// Of the updates of all frames: each gives one average, and the first of each symbol gives it through the
// snapshot.
quint64 sumOfDepthIds(qint64 frames)
{
    quint64 sum = 0;
    for (qint64 index = 0; index < frames; ++index)
        sum += quint64(DepthFrames::lastId(index));
    return sum;
}

Result<Figures> depthCandidate(const Extent &extent)
{
    const DepthFrames frames;
    const qint64 measured = extent.of(300'000);
    const qint64 all = DepthFrames::symbolCount + depthWarmUp + measured;
    const auto blaster = Blaster::start(frames, {{DepthFrames::symbolCount, depthWarmUp, measured}});
    if (!blaster)
        return blaster.error();
    Product product;
    const auto started =
        product.start({{"feed",
                        host::NodeKind::Source,
                        "binance",
                        {},
                        binanceOptions(**blaster, DepthFrames::symbols(), "depth@100ms")},
                       {"wap", host::NodeKind::Transform, "wap", {"feed"}, {{"of", "book"}}},
                       {"signals", host::NodeKind::Transform, "sma_crossover", {"wap"}, {}},
                       {"out", host::NodeKind::Sink, "bench_probe", {"wap", "signals"}, {}}});
    if (!started)
        return started.error();
    // One average for each snapshot; then the books are in step.
    if (const auto synced = product.waitForRows(DepthFrames::symbolCount); !synced)
        return synced.error();
    (*blaster)->go();
    if (const auto warm = product.waitForRows(DepthFrames::symbolCount + depthWarmUp); !warm)
        return warm.error();

    const Span span;
    (*blaster)->go();
    const auto done = product.waitForRows(quint64(all));
    const Figures figures = span.perFrame(measured);
    if (!done)
        return done.error();
    if (const auto stopped = product.stop(); !stopped)
        return stopped.error();
    const Probe &probe = product.probe();
    if (probe.waps.ids != sumOfDepthIds(all))
        return broken(QStringLiteral("the update ids of the averages add up to %1, expected %2")
                          .arg(probe.waps.ids)
                          .arg(sumOfDepthIds(all)));
    if (probe.otherRows != product.node("signals")->recordsOut.load() || probe.otherRows == 0)
        return broken(QStringLiteral("%1 signals and orders").arg(probe.otherRows));
    // The same frames give the same averages each time; the parent compares.
    return figures + Figures{{"checksum", double(probe.waps.prices >> 12)}};
}

Result<Figures> depthFloor(const Extent &extent)
{
    const DepthFrames frames;
    const qint64 measured = extent.of(300'000);
    const auto blaster = Blaster::start(frames, {{depthWarmUp, measured}});
    if (!blaster)
        return blaster.error();
    const auto client = RawClient::connect((*blaster)->port(), (*blaster)->caFile());
    if (!client)
        return client.error();
    FloorParser parser(DepthFrames::symbols(), "@depth@100ms");
    qint64 seen = 0;
    quint64 ids = 0;
    bool good = true;
    const auto readUntil = [&](qint64 until) {
        while (seen < until && good) {
            const bool open = (*client)->readMessages([&](std::string_view message, Timestamp received) {
                BookUpdate update;
                good = good && parser.parseDepth(message, received, update) &&
                       parser.bids().size() == DepthFrames::levels &&
                       parser.asks().size() == DepthFrames::levels;
                ids += quint64(update.last_update_id);
                ++seen;
            });
            good = good && open;
        }
    };
    readUntil(depthWarmUp);
    const Span span;
    (*blaster)->go();
    readUntil(depthWarmUp + measured);
    const Figures figures = span.perFrame(measured);
    if (!good || seen != depthWarmUp + measured || ids != sumOfDepthIds(seen))
        return broken(QStringLiteral("floor: the stream ended or a frame is wrong after %1").arg(seen));
    return figures;
}

} // namespace

std::vector<Bench> depthBenches()
{
    return {
        {"depth_to_signals",
         "a frame of 10 + 10 levels, from the TLS socket through book, average and strategy",
         {{"", "ns CPU"}, {"rate", "M/s", true}, {"memory", "MB"}},
         depthCandidate,
         depthFloor},
    };
}

} // namespace tidemill::bench
