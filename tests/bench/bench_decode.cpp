// SPDX-License-Identifier: Apache-2.0
#include "decoder.h"
#include "floor_parser.h"
#include "market_frames.h"
#include "measurement.h"
#include "usage.h"

#include <array>

namespace tidemill::bench {

namespace {

// --- decimals

constexpr std::size_t decimals = 4096;

std::vector<std::string> decimalTexts()
{
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < decimals; ++i) {
        const Decimal number{qint64(1 + i * i * 7919 % 9'000'000) * (i % 3 == 0 ? 100'000 : 1'000'000), -8};
        texts.push_back(number.toString().toStdString());
    }
    return texts;
}

template<typename Parse>
Result<Figures> measureDecimals(const Extent &extent, Parse parse)
{
    const auto texts = decimalTexts();
    quint64 expected = 0;
    for (std::size_t i = 0; i < decimals; ++i)
        expected += quint64(1 + i * i * 7919 % 9'000'000) * (i % 3 == 0 ? 100'000 : 1'000'000);
    const auto rounds = quint64(extent.of(5'000));
    quint64 sum = 0;
    const qint64 start = threadCpuNs();
    for (quint64 round = 0; round < rounds; ++round) {
        for (const std::string &text : texts)
            sum += quint64(parse(text).mantissa);
    }
    const qint64 spent = threadCpuNs() - start;
    if (sum != expected * rounds)
        return broken(
            QStringLiteral("the mantissas add up to %1, expected %2").arg(sum).arg(expected * rounds));
    return Figures{{"", double(spent) / double(rounds * decimals)}};
}

Result<Figures> decimalCandidate(const Extent &extent)
{
    return measureDecimals(extent, [](const std::string &text) {
        return Decimal::parse(QByteArrayView(text.data(), qsizetype(text.size()))).value_or(Decimal::null());
    });
}

Result<Figures> decimalFloor(const Extent &extent)
{
    return measureDecimals(extent, [](const std::string &text) { return FloorParser::parseDecimal(text); });
}

// --- frames

// As many as a TLS record holds are decoded at a time; time is taken around the decoding only, not around the
// building of the frames, so the clock is read for a whole block of records.
constexpr qint64 framesOfRead = 96;
constexpr qint64 framesOfBlock = 20 * framesOfRead;

template<typename Decode>
Result<Figures> measureFrames(const Extent &extent, const TradeFrames::Sums &sums, Decode decode)
{
    const TradeFrames frames;
    const qint64 blocks = extent.of(1'000);
    std::string block;
    std::vector<std::string_view> messages;
    qint64 spent = 0;
    qint64 next = 0;
    for (qint64 i = 0; i < blocks; ++i) {
        block.clear();
        std::vector<std::size_t> starts;
        for (qint64 frame = 0; frame < framesOfBlock; ++frame) {
            starts.push_back(block.size());
            frames.append(block, next++);
        }
        starts.push_back(block.size());
        block.append(simdjson::SIMDJSON_PADDING, '\0');
        messages.clear();
        for (std::size_t frame = 0; frame < std::size_t(framesOfBlock);
             ++frame) // behind a header of four bytes
            messages.push_back(
                std::string_view(block).substr(starts[frame] + 4, starts[frame + 1] - starts[frame] - 4));

        const qint64 start = threadCpuNs();
        for (std::size_t at = 0; at < messages.size(); at += framesOfRead) {
            if (!decode(std::span(messages).subspan(at, framesOfRead)))
                return broken(QStringLiteral("a frame was not understood"));
        }
        spent += threadCpuNs() - start;
    }
    if (!(sums == frames.sums(next)))
        return broken(
            QStringLiteral("the trades do not add up: %1 rows, expected %2").arg(sums.rows).arg(next));
    return Figures{{"", double(spent) / double(next)}};
}

// Collects trades as a session does, without the connection around it.
class TradeReceiver final : public binance::Receiver
{
public:
    explicit TradeReceiver(RecordsOut &out) : m_out(out) {}

private:
    using Stream = binance::StreamState;
    using Levels = std::span<const Level>;

    void take(Stream &, const Trade &trade) override { m_out.add(trade); }
    void take(Stream &, const AggTrade &) override {}
    void take(Stream &, const Candle &) override {}
    void take(Stream &, const Quote &) override {}
    void take(Stream &, const Ticker &) override {}
    void take(Stream &, const binance::DepthEvent &) override {}
    void take(Stream &, const BookSnapshot &, Levels, Levels) override {}

    RecordsOut &m_out;
};

Result<Figures> decoderCandidate(const Extent &extent)
{
    binance::Streams streams;
    const auto spec = binance::parseStreamSuffix(QStringLiteral("trade"));
    for (const QString &symbol : TradeFrames::symbols())
        streams.add(symbol, *spec);
    TradeFrames::Sums sums;
    RecordsOut out([&sums](const BatchPtr &batch) { sums.add(batch->rows<Trade>()); });
    TradeReceiver receiver(out);
    binance::Decoder decoder(streams, receiver);
    return measureFrames(extent, sums, [&](std::span<const std::string_view> messages) {
        const Timestamp received = Timestamp::now();
        bool good = true;
        for (const std::string_view message : messages)
            good = decoder.decode({message.data(), qsizetype(message.size())}, received).has_value() && good;
        out.flush();
        return good;
    });
}

Result<Figures> decoderFloor(const Extent &extent)
{
    FloorParser parser(TradeFrames::symbols(), "@trade");
    TradeFrames::Sums sums;
    std::vector<Trade> rows;
    return measureFrames(extent, sums, [&](std::span<const std::string_view> messages) {
        const Timestamp received = Timestamp::now();
        bool good = true;
        rows.clear();
        for (const std::string_view message : messages)
            good = parser.parseTrade(message, received, rows.emplace_back()) && good;
        sums.add(rows);
        return good;
    });
}

} // namespace

std::vector<Bench> decodeBenches()
{
    return {
        {"decimal_parse", "a price from text", {{"", "ns CPU"}}, decimalCandidate, decimalFloor},
        {"decoder_trade_frame",
         "a Binance trade frame from memory to a row",
         {{"", "ns CPU"}},
         decoderCandidate,
         decoderFloor},
    };
}

} // namespace tidemill::bench
