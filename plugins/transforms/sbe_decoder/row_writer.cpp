// SPDX-License-Identifier: Apache-2.0
#include "row_writer.h"

namespace tidemill::sbe {

RowWriter::RowWriter(const MessageSchema &schema, const std::vector<MessagePlan> &plans)
    : m_schema(schema)
    , m_plans(plans)
    , m_opener(schema)
{}

void RowWriter::prepare(bool isQuick)
{
    std::size_t levels = 1;
    std::size_t rowSize = 0;
    for (const MessagePlan &message : m_plans) {
        for (const RowPlan &plan : message.rows) {
            levels = std::max(levels, plan.levels.size());
            rowSize = std::max(rowSize, plan.blank.size());
        }
        if (isQuick && message.rows.size() == 1)
            m_quick[message.message->id % quickCount] = {
                &message, &message.rows.front(),
                QuickRows::make(m_schema, *message.message, message.rows.front())};
    }
    m_layouts.resize(levels);
    m_above.resize(levels, std::vector<std::byte>(rowSize));
}

Fault RowWriter::open(QByteArrayView frame)
{
    Cursor cursor;
    if (const Fault fault = m_opener.open(frame, m_frame, cursor); fault != Fault::None)
        return fault;
    m_plan = &m_plans[std::size_t(m_frame.message - m_schema.messages.data())];
    m_end = cursor.end();
    const char *behind = nullptr; // padding, or what a newer version appended
    return layOut(m_frame.message->block, cursor, m_layouts.front(), &behind);
}

// The cursor comes and goes by value and its address is taken of nowhere, so that it stays in registers:
// written to memory in small pieces and read back as a whole it would cost more than everything else here.
Fault RowWriter::layOut(const Block &block, Cursor cursor, Layout &layout, const char **behind)
{
    if (layout.groups.size() != block.groups.size())
        layout.groups.resize(block.groups.size());
    if (layout.data.size() != block.data.size())
        layout.data.resize(block.data.size());
    for (std::size_t i = 0; i < block.groups.size(); ++i) {
        const Group &group = block.groups[i];
        const char *const head = cursor.at();
        GroupView view;
        if (const Fault fault = cursor.enter(group, view); fault != Fault::None)
            return fault;
        layout.groups[i] = {view, cursor.at()};
        cursor.skipEntries(view);
        if (!group.block.groups.empty() || !group.block.data.empty()) {
            Cursor through = cursorAt(head);
            if (const Fault fault = through.skip(group); fault != Fault::None)
                return fault;
            cursor = cursorAt(through.at());
        }
    }
    for (std::size_t i = 0; i < block.data.size(); ++i) {
        if (const Fault fault = cursor.data(block.data[i], layout.data[i]); fault != Fault::None)
            return fault;
    }
    *behind = cursor.at();
    return Fault::None;
}

void RowWriter::writeRows(const RowPlan &plan, const tidemill::Frame &facts, RowBuilder &builder,
                          FaultCounts &faults)
{
    m_exponentsAreGood = true;
    m_entry = 0;
    m_row = builder.next();
    copyRow(m_row, plan.blank.data(), plan.blank.size());
    const auto set = [this](int at, const auto &value) {
        if (at >= 0)
            std::memcpy(m_row + at, &value, sizeof value);
    };
    set(plan.exchangeAt, facts.exchange);
    set(plan.streamAt, facts.stream);
    set(plan.receivedAt, facts.ts_recv);
    set(plan.provenanceAt, facts.provenance);
    set(plan.connectionAt, facts.connection);
    set(plan.sequenceAt, facts.sequence);

    const LevelPlan &root = plan.levels.front();
    const Fault fault = m_schema.isBigEndian
                            ? fill<true>(plan, root, m_frame.root, &m_layouts.front(), builder)
                            : fill<false>(plan, root, m_frame.root, &m_layouts.front(), builder);
    if (fault != Fault::None)
        ++faults[std::size_t(fault)];
    else if (plan.levels.size() == 1)
        builder.commit();
    else if (m_schema.isBigEndian)
        writeEntries<true>(plan, 1, builder, faults);
    else
        writeEntries<false>(plan, 1, builder, faults);
}

// The frame has been gone through once: groups end where they should.
template<bool bigEndian>
void RowWriter::writeEntries(const RowPlan &plan, std::size_t index, RowBuilder &builder, FaultCounts &faults)
{
    const LevelPlan &level = plan.levels[index];
    const bool isLast = index + 1 == plan.levels.size();
    const std::size_t rowSize = plan.blank.size();
    const GroupView group = m_layouts[index - 1].groups[level.groupIndex].view;
    Cursor cursor = cursorAt(m_layouts[index - 1].groups[level.groupIndex].first);
    if (group.count > 1)
        copyRow(m_above[index].data(), m_row, rowSize);
    for (quint32 i = 0; i < group.count; ++i) {
        if (i > 0) {
            m_row = builder.next();
            copyRow(m_row, m_above[index].data(), rowSize);
        }
        BlockView block;
        if (cursor.entry(group, block) != Fault::None)
            return;
        const Layout *layout = nullptr;
        if (!level.isFlat) {
            layout = &m_layouts[index];
            const char *behind = nullptr;
            if (layOut(*level.block, cursor, m_layouts[index], &behind) != Fault::None)
                return;
            cursor = cursorAt(behind);
        }
        const Fault fault = fill<bigEndian>(plan, level, block, layout, builder);
        if (fault != Fault::None)
            ++faults[std::size_t(fault)];
        else if (!isLast)
            writeEntries<bigEndian>(plan, index + 1, builder, faults);
        if (!isLast)
            continue;
        if (plan.entryAt >= 0) {
            std::memcpy(m_row + plan.entryAt, &m_entry, sizeof m_entry);
            ++m_entry; // of a row that is left out, too: the others keep their numbers
        }
        if (fault == Fault::None)
            builder.commit();
    }
}

template<bool bigEndian>
Fault RowWriter::fill(const RowPlan &plan, const LevelPlan &level, BlockView block, const Layout *layout,
                      RowBuilder &builder)
{
    if (!level.exponents.empty())
        readExponents<bigEndian>(level, block);
    const bool isWhole =
        block.size >= level.wholeSize && m_frame.version >= level.wholeSince && m_exponentsAreGood;
    const Fault fault = isWhole ? copyFields<bigEndian, true>(plan, level, block, builder)
                                : copyFields<bigEndian, false>(plan, level, block, builder);
    if (fault != Fault::None || !layout)
        return fault;
    for (const Step &step : level.parts) {
        if (const Fault partFault = copyPart(plan, level, step, *layout, builder); partFault != Fault::None)
            return partFault;
    }
    return Fault::None;
}

template<bool bigEndian>
void RowWriter::readExponents(const LevelPlan &level, BlockView block)
{
    for (const ExponentStep &step : level.exponents) {
        qint64 exponent = noExponent;
        if (step.since <= m_frame.version && block.has(step.from, sizeOf(step.primitive))) {
            exponent = qint64(loadBits<bigEndian>(step.primitive, block.data + step.from));
            if (exponent < Decimal::minExponent || exponent > Decimal::maxExponent)
                exponent = wrongExponent;
        }
        m_exponents[std::size_t(step.slot)] = qint8(exponent);
        m_exponentsAreGood = m_exponentsAreGood && exponent >= Decimal::minExponent;
    }
}

template<bool bigEndian, bool isWhole>
Fault RowWriter::copyFields(const RowPlan &plan, const LevelPlan &level, BlockView block, RowBuilder &builder)
{
    for (const Step &step : level.fields) {
        if constexpr (!isWhole) {
            const bool isThere = step.since <= m_frame.version && block.has(step.from, step.size);
            const Fault fault = isThere ? exponentFault(step) : Fault::MissingField;
            if (fault == Fault::MissingField && step.onNull == OnNull::LeaveBlank) {
                leaveBlank(plan, step);
                continue;
            }
            if (fault != Fault::None)
                return fault;
        }
        const char *at = block.data + step.from;
        switch (step.op) {
        case Op::PlainInt64:
            store(step, loadAs<qint64, bigEndian>(at));
            continue;
        case Op::PlainDecimal:
            store(step, Decimal{loadAs<qint64, bigEndian>(at),
                                step.exponentSlot < 0 ? step.exponent
                                                      : m_exponents[std::size_t(step.exponentSlot)]});
            continue;
        case Op::PlainTime: {
            qint64 ns = 0;
            if (__builtin_mul_overflow(loadAs<qint64, bigEndian>(at), step.scale, &ns))
                return Fault::OutOfRange;
            store(step, ns);
            continue;
        }
        case Op::PlainEnum:
            store(step, step.extra->words[quint8(*at)]);
            continue;
        default:
            break;
        }
        const Fault fault = copyField(step, at, builder);
        if (fault == Fault::MissingField && step.onNull == OnNull::LeaveBlank)
            leaveBlank(plan, step);
        else if (fault != Fault::None)
            return fault;
    }
    return Fault::None;
}

Fault RowWriter::exponentFault(const Step &step) const
{
    if (step.exponentSlot < 0)
        return Fault::None;
    const qint8 exponent = m_exponents[std::size_t(step.exponentSlot)];
    if (exponent == noExponent)
        return Fault::MissingField;
    return exponent == wrongExponent ? Fault::OutOfRange : Fault::None;
}

// The row may still have what the entry before left there.
void RowWriter::leaveBlank(const RowPlan &plan, const Step &step)
{
    std::memcpy(m_row + step.to, plan.blank.data() + step.to, step.width);
}

} // namespace tidemill::sbe
