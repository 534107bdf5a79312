// SPDX-License-Identifier: Apache-2.0
#include "frame_decoder.h"
#include "fuzz.h"

#include <tidemill/json.h>

// Any bytes as an SBE frame: of a frame in error nothing goes out, the short way and the long one make the
// same of it, and what lies behind a good frame changes nothing.
//
// Input: one byte, even for Binance's schema and odd for one with everything unusual; then the frame.

using namespace tidemill;
using namespace tidemill::fuzz;

namespace {

std::unique_ptr<sbe::Decoder> makeDecoder(bool isBinance, bool isQuick)
{
    auto schema = isBinance ? sbe::readSchema(sbe::binanceSchema(), QStringLiteral("binance"), sbe::loadFile)
                            : sbe::readSchema(QStringLiteral(TIDEMILL_SBE_DATA "/venue.xml"));
    require(schema.has_value(), "our own schemas can be read");
    sbe::Decoder::Options options{.mappings = sbe::binanceMappings(), .isLenient = true};
    options.isQuick = isQuick;
    auto decoder = sbe::Decoder::create(*std::move(schema), options);
    require(decoder.has_value(), "and used");
    return *std::move(decoder);
}

struct Outcome
{
    sbe::Fault fault = sbe::Fault::None;
    sbe::FaultCounts faults{};
    QByteArray lines;

    friend bool operator==(const Outcome &, const Outcome &) = default;
};

Outcome decode(sbe::Decoder &decoder, QByteArrayView frame)
{
    Outcome outcome;
    const Frame facts{.exchange = Symbol("fuzz"), .connection = 1, .sequence = 1};
    outcome.fault = decoder.decode(facts, frame, outcome.faults);
    for (const BatchPtr &batch : decoder.finish()) {
        for (qsizetype row = 0; row < batch->rowCount(); ++row)
            appendJson(outcome.lines, *batch, row).append('\n');
    }
    return outcome;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    static const auto binance = makeDecoder(true, true);
    static const auto binanceSlow = makeDecoder(true, false);
    static const auto venue = makeDecoder(false, true);
    if (size == 0)
        return 0;
    const bool isBinance = data[0] % 2 == 0;
    const QByteArrayView frame = view(data + 1, size - 1);
    sbe::Decoder &decoder = isBinance ? *binance : *venue;

    const Outcome outcome = decode(decoder, frame);
    if (outcome.fault != sbe::Fault::None)
        require(outcome.lines.isEmpty(), "nothing of a frame in error goes out");
    if (isBinance)
        require(outcome == decode(*binanceSlow, frame), "both ways make the same of a frame");
    if (outcome.fault == sbe::Fault::None && isBinance) {
        const QByteArray padded = frame.toByteArray() + "\xff\x01 behind it";
        require(outcome == decode(decoder, padded), "what lies behind a frame changes nothing");
    }
    return 0;
}
