// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "frame.h"

#include <tidemill/schema.h>

#include <array>

// How frames become rows: a flat list of copies for each level of a message (root block, entry of a group,
// entry of a group in that), made once from schema and mapping by row_compiler.h, run for every frame by
// row_writer.h.

namespace tidemill::sbe {

enum class Op : quint8 {
    // What nearly all values of market data are: 64 bits or one byte, never null. No choice is left to make.
    PlainInt64,
    PlainDecimal,
    PlainTime,
    PlainEnum,
    // Everything else.
    Int64,
    UInt64,
    Double,
    Bool,       // not zero
    Decimal,    // a mantissa with a power of ten
    Time,       // an integer times `scale`
    Enum,       // a code through the table of words
    SymbolText, // characters, up to the first NUL
    Text,
    Bytes,
    EnumText,   // the name of a code, or its number
    SetText,    // names of bits, with commas
    ListText,   // an array of numbers: "[1,2]"
    SymbolData, // variable data
    TextData,
    BytesData,
    Levels, // all entries of a group
};

// What happens to a row if a value is null or not there.
enum class OnNull : quint8 { Refuse, LeaveBlank };

struct StepExtra;

// One value, from a block to a row.
struct Step
{
    Op op = Op::Int64;
    Primitive primitive = Primitive::Int64;
    OnNull onNull = OnNull::Refuse;
    bool hasNull = false;     // there is a pattern for it
    qint8 exponent = 0;       // of a decimal, if exponentSlot is -1
    qint16 exponentSlot = -1; // where its exponent was read to
    quint16 index = 0;        // of the data or group in its block
    quint16 width = 8;        // bytes in the row
    quint32 from = 0;         // in the block
    quint32 size = 0;         // bytes there
    quint32 to = 0;           // in the row
    int since = 0;
    qint64 scale = 1; // of a time, in nanoseconds
    std::shared_ptr<const StepExtra> extra{};
};

// What only some steps need.
struct StepExtra
{
    TypePtr type{};
    std::array<quint8, 256> words{}; // of an enum, by code
    Step price{};                    // of levels, in an entry
    Step quantity{};
};

// An exponent that several numbers share, read once for each block.
struct ExponentStep
{
    quint32 from = 0;
    Primitive primitive = Primitive::Int8;
    int since = 0;
    qint16 slot = 0;
};

// The work of one level.
struct LevelPlan
{
    const Block *block = nullptr;
    const Group *group = nullptr; // whose entries these are; nullptr for the root block
    quint16 groupIndex = 0;       // in the block above
    bool isFlat = true;           // nothing in it but fields
    std::vector<ExponentStep> exponents;
    std::vector<Step> fields;
    std::vector<Step> parts; // data and levels: what comes behind the fields
    // A block of this length and a frame of this version have every field.
    quint32 wholeSize = 0;
    int wholeSince = 0;
};

// From a message to rows of one record type.
struct RowPlan
{
    const Schema *record = nullptr;
    std::size_t builder = 0;       // which of the decoder's batches they go to
    std::vector<std::byte> blank;  // a row before anything is filled in: nulls and constants
    std::vector<LevelPlan> levels; // the last one makes the rows
    // Where a row has what the frame says of itself; -1: it does not.
    int exchangeAt = -1;
    int streamAt = -1;
    int receivedAt = -1;
    int provenanceAt = -1;
    int connectionAt = -1;
    int sequenceAt = -1;
    int entryAt = -1; // the number of the row among those of its frame, from 0
};

// A message and all that it becomes. No rows: it is not wanted.
struct MessagePlan
{
    const Message *message = nullptr;
    std::vector<RowPlan> rows;
};

} // namespace tidemill::sbe
