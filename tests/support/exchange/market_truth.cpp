// SPDX-License-Identifier: Apache-2.0
#include "market_truth.h"

#include "simulated_market.h"

namespace tidemill::exchange {

namespace {

struct Replay
{
    Replay(const GeneratorOptions &options, std::unique_ptr<FramePrinter> maker)
        : market(options)
        , printer(std::move(maker))
    {}

    SimulatedMarket market;
    std::unique_ptr<FramePrinter> printer;
    QByteArray lines;
};

} // namespace

MarketData::Chunks marketTruth(const GeneratorOptions &options, qint64 steps,
                               std::unique_ptr<FramePrinter> printer, const QByteArray &kind,
                               const QByteArray &symbol)
{
    auto replay = std::make_shared<Replay>(options, std::move(printer));
    replay->printer->setDemand({replay->printer->truthStream(kind, symbol)});
    replay->printer->setSink(
        [lines = &replay->lines](const StreamFrame &frame) { *lines += frame.payload + '\n'; });
    return [replay, steps] {
        replay->lines.clear();
        while (replay->market.steps() < steps && replay->lines.size() < 256 * 1024)
            replay->market.step(*replay->printer);
        return replay->lines;
    };
}

} // namespace tidemill::exchange
