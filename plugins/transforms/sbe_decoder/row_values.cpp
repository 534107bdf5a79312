// SPDX-License-Identifier: Apache-2.0
#include "row_writer.h"

#include <charconv>

// The values of a row that need more than a copy.

namespace tidemill::sbe {

namespace {

// Text of fixed length ends at the first NUL; blanks belong to it.
QByteArrayView untilNul(QByteArrayView text)
{
    const auto end = text.indexOf('\0');
    return end < 0 ? text : text.first(end);
}

template<typename Number>
void appendNumber(QByteArray &out, Number number)
{
    std::array<char, 32> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end - digits.data());
}

void appendBits(QByteArray &out, Primitive primitive, quint64 bits)
{
    if (isFloating(primitive))
        appendNumber(out, toDouble(primitive, bits));
    else if (isSigned(primitive))
        appendNumber(out, qint64(bits));
    else
        appendNumber(out, bits);
}

} // namespace

Fault RowWriter::copyField(const Step &step, const char *at, RowBuilder &builder)
{
    const QByteArrayView raw(at, qsizetype(step.size));
    switch (step.op) {
    case Op::SymbolText:
        return copySymbol(step, untilNul(raw));
    case Op::Text:
        store(step, builder.text(untilNul(raw)));
        return Fault::None;
    case Op::Bytes:
        store(step, builder.bytes(raw));
        return Fault::None;
    case Op::ListText:
        store(step, builder.text(describeList(step, at)));
        return Fault::None;
    case Op::Decimal: {
        Decimal number;
        const Fault fault = readDecimal(step, at, number);
        if (fault == Fault::None)
            store(step, number);
        return fault;
    }
    default:
        break;
    }

    const quint64 bits = bitsOf(step.primitive, at);
    if (step.hasNull && isNullPattern(*step.extra->type, bits))
        return Fault::MissingField;
    switch (step.op) {
    case Op::Int64:
        if (isUnsigned(step.primitive) && bits > quint64(std::numeric_limits<qint64>::max()))
            return Fault::OutOfRange;
        store(step, qint64(bits));
        return Fault::None;
    case Op::UInt64:
        if (isSigned(step.primitive) && qint64(bits) < 0)
            return Fault::OutOfRange;
        store(step, bits);
        return Fault::None;
    case Op::Double:
        store(step, toDouble(step.primitive, bits));
        return Fault::None;
    case Op::Bool:
        store(step, bits != 0);
        return Fault::None;
    case Op::Time: {
        qint64 ns = 0;
        if ((isUnsigned(step.primitive) && bits > quint64(std::numeric_limits<qint64>::max())) ||
            __builtin_mul_overflow(qint64(bits), step.scale, &ns))
            return Fault::OutOfRange;
        store(step, ns);
        return Fault::None;
    }
    case Op::Enum:
        store(step, bits < 256 ? step.extra->words[bits] : quint8(0));
        return Fault::None;
    default: // EnumText, SetText
        store(step, builder.text(describe(step, bits)));
        return Fault::None;
    }
}

Fault RowWriter::readDecimal(const Step &step, const char *at, Decimal &number) const
{
    const quint64 bits = bitsOf(step.primitive, at);
    if (step.hasNull && isNullPattern(*step.extra->type, bits))
        return Fault::MissingField;
    if (const Fault fault = exponentFault(step); fault != Fault::None)
        return fault;
    if (isUnsigned(step.primitive) && bits > quint64(std::numeric_limits<qint64>::max()))
        return Fault::OutOfRange;
    number = {qint64(bits),
              step.exponentSlot < 0 ? step.exponent : m_exponents[std::size_t(step.exponentSlot)]};
    return Fault::None;
}

// Names of what is known, numbers of what is not: a later version may know more.
QByteArrayView RowWriter::describe(const Step &step, quint64 bits)
{
    const Type &type = *step.extra->type;
    m_text.resize(0);
    if (step.op == Op::EnumText) {
        if (const NamedCode *code = type.findCode(bits))
            return code->name;
        appendBits(m_text, step.primitive, bits);
        return m_text;
    }
    for (quint64 bit = 0; bit < 64; ++bit) {
        if ((bits >> bit & 1) == 0)
            continue;
        if (!m_text.isEmpty())
            m_text.append(',');
        if (const NamedCode *choice = type.findCode(bit))
            m_text.append(choice->name);
        else
            appendNumber(m_text, bit);
    }
    return m_text;
}

QByteArrayView RowWriter::describeList(const Step &step, const char *at)
{
    const quint32 width = sizeOf(step.primitive);
    m_text.resize(0);
    m_text.append('[');
    for (quint32 offset = 0; offset < step.size; offset += width) {
        const quint64 bits = bitsOf(step.primitive, at + offset);
        if (offset != 0)
            m_text.append(',');
        if (isNullPattern(*step.extra->type, bits) && (step.hasNull || isFloating(step.primitive)))
            m_text.append("null");
        else
            appendBits(m_text, step.primitive, bits);
    }
    m_text.append(']');
    return m_text;
}

Fault RowWriter::copyPart(const RowPlan &plan, const LevelPlan &level, const Step &step, const Layout &layout,
                          RowBuilder &builder)
{
    if (step.op == Op::Levels)
        return copyLevels(step, layout.groups[step.index], level.block->groups[step.index], builder);
    if (step.since > m_frame.version) {
        leaveBlank(plan, step);
        return step.onNull == OnNull::Refuse ? Fault::MissingField : Fault::None;
    }
    const QByteArrayView data = layout.data[step.index];
    if (step.op == Op::SymbolData)
        return copySymbol(step, data);
    if (step.op == Op::TextData)
        store(step, builder.text(data));
    else
        store(step, builder.bytes(data));
    return Fault::None;
}

Fault RowWriter::readNumber(const Step &step, BlockView block, Decimal &number) const
{
    if (step.since > m_frame.version || !block.has(step.from, step.size))
        return Fault::MissingField;
    return readDecimal(step, block.data + step.from, number);
}

Fault RowWriter::copyLevels(const Step &step, const Layout::Entries &entries, const Group &group,
                            RowBuilder &builder)
{
    const GroupView view = entries.view;
    Cursor cursor = cursorAt(entries.first);
    const bool isFlat = group.block.groups.empty() && group.block.data.empty();
    m_levels.resize(view.count); // no more than the bytes of the frame: enter() saw to it
    for (Level &level : m_levels) {
        BlockView entry;
        if (const Fault fault = cursor.entry(view, entry); fault != Fault::None)
            return fault;
        if (const Fault fault = readNumber(step.extra->price, entry, level.price); fault != Fault::None)
            return fault;
        if (const Fault fault = readNumber(step.extra->quantity, entry, level.quantity); fault != Fault::None)
            return fault;
        if (!isFlat && cursor.skip(group.block) != Fault::None)
            return Fault::ShortGroup;
    }
    store(step, builder.levels(m_levels));
    return Fault::None;
}

} // namespace tidemill::sbe
