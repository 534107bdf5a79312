// SPDX-License-Identifier: Apache-2.0
#include "frame_decoder.h"
#include "measurement.h"
#include "sbe_frames.h"
#include "usage.h"

namespace tidemill::bench {

namespace {

// As many as a TLS record holds, a batch each.
constexpr std::size_t framesOfBatch = 240;
constexpr qint64 framesOfBlock = 20 * framesOfBatch;

template<typename Decode>
Result<Figures> measureFrames(const Extent &extent, Decode decode)
{
    const SbeTradeFrames frames;
    const qint64 blocks = extent.of(2'000);
    TradeFrames::Sums sums;
    TradeFrames::Sums expected;
    std::vector<QByteArrayView> messages;
    std::string block;
    qint64 spent = 0;
    qint64 next = 0;
    for (qint64 i = 0; i < blocks; ++i) {
        block.clear();
        messages.clear();
        for (qint64 frame = 0; frame < framesOfBlock; ++frame)
            frames.append(block, next++, expected);
        for (std::size_t at = 0; at < block.size(); at += SbeTradeFrames::frameSize)
            messages.push_back({block.data() + at, qsizetype(SbeTradeFrames::frameSize)});

        const qint64 start = threadCpuNs();
        for (std::size_t at = 0; at < messages.size(); at += framesOfBatch) {
            if (!decode(std::span(messages).subspan(at, framesOfBatch), sums))
                return broken(QStringLiteral("a frame was not understood"));
        }
        spent += threadCpuNs() - start;
    }
    if (!(sums == expected))
        return broken(
            QStringLiteral("the trades do not add up: %1 rows, expected %2").arg(sums.rows).arg(next));
    return Figures{{"", double(spent) / double(next)}};
}

Result<Figures> sbeCandidate(const Extent &extent)
{
    auto schema = sbe::readSchema(sbe::binanceSchema(), QStringLiteral("binance_stream.xml"), sbe::loadFile);
    if (!schema)
        return schema.error();
    const auto decoder = sbe::Decoder::create(*std::move(schema), {.mappings = sbe::binanceMappings()});
    if (!decoder)
        return decoder.error();
    Frame facts{.exchange = Symbol("binance")};
    return measureFrames(extent, [&](std::span<const QByteArrayView> messages, TradeFrames::Sums &sums) {
        facts.ts_recv = Timestamp::now();
        sbe::FaultCounts faults{};
        bool good = true;
        for (const QByteArrayView message : messages)
            good = (*decoder)->decode(facts, message, faults) == sbe::Fault::None && good;
        for (const BatchPtr &batch : (*decoder)->finish())
            sums.add(batch->rows<Trade>());
        return good && faults == sbe::FaultCounts{};
    });
}

Result<Figures> sbeFloor(const Extent &extent)
{
    FixedOffsets decoder;
    return measureFrames(extent, [&](std::span<const QByteArrayView> messages, TradeFrames::Sums &sums) {
        const Timestamp received = Timestamp::now();
        BatchBuilder<Trade> trades;
        bool good = true;
        for (const QByteArrayView message : messages)
            good = decoder.decode(message, received, trades) && good;
        sums.add(trades.finish()->rows<Trade>());
        return good;
    });
}

} // namespace

std::vector<Bench> sbeBenches()
{
    return {{"sbe_trade",
             "a trade frame of Binance's SBE stream from memory to a row",
             {{"", "ns CPU", false, 1.5}},
             sbeCandidate,
             sbeFloor}};
}

} // namespace tidemill::bench
