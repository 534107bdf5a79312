// SPDX-License-Identifier: Apache-2.0
#include "frame_decoder.h"
#include "fuzz.h"

// Any text as an SBE schema: it is refused with a place in it, or everything in it lies where it can be read.
//
// Input: the schema. It includes nothing: no file is opened.

using namespace tidemill;
using namespace tidemill::fuzz;

namespace {

void checkBlock(const sbe::Block &block)
{
    for (const sbe::Field &field : block.fields) {
        require(field.type != nullptr, "a field has a type");
        require(field.type->presence == sbe::Presence::Constant ||
                    field.offset + field.type->size <= block.length,
                "fields lie within their block");
    }
    for (const sbe::Group &group : block.groups) {
        require(group.count.isConstant ||
                    group.count.offset + sizeOf(group.count.primitive) <= group.headerSize,
                "a count lies within its dimensions");
        checkBlock(group.block);
    }
    for (const sbe::Data &data : block.data)
        require(data.length.isConstant ||
                    data.length.offset + sizeOf(data.length.primitive) <= data.headerSize,
                "a length lies before the data");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const auto schema =
        sbe::readSchema(view(data, size).toByteArray(), QStringLiteral("s.xml"),
                        [](const QString &path) -> Result<QByteArray> {
                            return Error{Error::Kind::Config, path + QStringLiteral(": no files")};
                        });
    if (!schema) {
        const QStringList lines = schema.error().message.split(QLatin1Char('\n'));
        require(lines.first().startsWith(QLatin1String("s.xml:")), "an error has its place");
        return 0;
    }
    for (const sbe::Message &message : schema->messages)
        checkBlock(message.block);
    sbe::Decoder::Options options{.mappings = sbe::binanceMappings(), .isLenient = true};
    options.unmapped = sbe::Unmapped::Drop; // record types that are made of schemas stay for good
    require(sbe::Decoder::create(*schema, options).has_value(), "what was read can be used");
    return 0;
}
