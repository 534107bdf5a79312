// SPDX-License-Identifier: Apache-2.0
#include "quick_rows.h"

#include <algorithm>

namespace tidemill::sbe {

namespace {

constexpr std::size_t headerSize = 8;

bool isAt(const Counter &counter, quint32 offset, Primitive primitive)
{
    return !counter.isConstant && counter.offset == offset && counter.primitive == primitive;
}

bool hasUsualHeader(const MessageSchema &schema)
{
    return !schema.isBigEndian && schema.headerSize == headerSize && schema.id <= 0xFFFF &&
           isAt(schema.blockLength, 0, Primitive::UInt16) && isAt(schema.templateId, 2, Primitive::UInt16) &&
           isAt(schema.schemaId, 4, Primitive::UInt16) && isAt(schema.headerVersion, 6, Primitive::UInt16);
}

template<typename Number>
Number load(const char *at)
{
    return loadAs<Number, false>(at);
}

template<typename T>
void put(std::byte *row, int at, const T &value)
{
    std::memcpy(row + at, &value, sizeof value);
}

} // namespace

std::optional<QuickRows> QuickRows::make(const MessageSchema &schema, const Message &message,
                                         const RowPlan &plan)
{
    const bool isUsual = hasUsualHeader(schema) && message.id <= 0xFFFF && plan.levels.size() <= 2 &&
                         message.block.groups.size() == plan.levels.size() - 1 &&
                         message.block.data.size() == 1 && plan.exchangeAt >= 0 && plan.receivedAt >= 0 &&
                         plan.provenanceAt >= 0 && plan.streamAt < 0 && plan.connectionAt < 0 &&
                         plan.sequenceAt < 0 && plan.entryAt < 0;
    QuickRows quick;
    if (!isUsual || !quick.addSteps(plan.levels.front(), quick.m_root) || !quick.addTail(message, plan))
        return std::nullopt;
    if (plan.blank.size() > quick.m_blank.size())
        return std::nullopt;
    std::copy(plan.blank.begin(), plan.blank.end(), quick.m_blank.begin());
    quick.m_rowSize = plan.blank.size();
    quick.m_ids = message.id << 16 | schema.id << 32;
    quick.m_rootSize = plan.levels.front().wholeSize;
    quick.m_exchangeAt = plan.exchangeAt;
    quick.m_receivedAt = plan.receivedAt;
    quick.m_provenanceAt = plan.provenanceAt;
    int since = std::max(message.since, plan.levels.front().wholeSince);
    for (const ExponentStep &step : plan.levels.front().exponents) {
        if (step.primitive != Primitive::Int8 || std::size_t(step.slot) >= maxSlots)
            return std::nullopt;
        quick.m_exponentAt[std::size_t(step.slot)] = quint16(step.from);
        quick.m_exponents = std::max(quick.m_exponents, std::size_t(step.slot) + 1);
        quick.m_rootSize = std::max<quint64>(quick.m_rootSize, step.from + 1);
        since = std::max(since, step.since);
    }
    if (plan.levels.size() == 2) {
        const LevelPlan &level = plan.levels.back();
        const Group &group = *level.group;
        const quint32 countSize = sizeOf(group.count.primitive);
        if (!level.isFlat || !level.exponents.empty() || !isAt(group.blockLength, 0, Primitive::UInt16) ||
            !isUnsigned(group.count.primitive) || group.count.isConstant || countSize > 4 ||
            group.headerSize < 6 || group.count.offset + 4 > group.headerSize || // read as four bytes
            !quick.addSteps(level, quick.m_entry) || quick.m_entry.times.count != 0)
            return std::nullopt;
        quick.m_groupHead = group.headerSize;
        quick.m_countAt = group.count.offset;
        quick.m_countMask = countSize == 4 ? 0xFFFFFFFFU : (1U << (8 * countSize)) - 1;
        quick.m_entrySize = std::max<quint64>(level.wholeSize, 1);
        since = std::max({since, group.since, level.wholeSince});
    }
    quick.m_since = quint64(std::max(since, message.block.data.front().since));
    const Copies &root = quick.m_root;
    const Copies &entry = quick.m_entry;
    quick.m_isTrade = quick.m_rowSize == sizeof(Trade) && quick.m_groupHead != 0 && quick.m_exponents == 2 &&
                      root.times.count == 1 &&
                      root.numbers.count + root.decimals.count + root.words.count == 0 &&
                      entry.numbers.count == 1 && entry.decimals.count == 2 && entry.words.count == 1;
    return quick;
}

bool QuickRows::addSteps(const LevelPlan &level, Copies &copies)
{
    for (const Step &step : level.fields) {
        Copy one{quint16(step.from), quint16(step.to), step.exponentSlot, step.scale};
        bool isAdded = false;
        if (step.op == Op::PlainInt64) {
            isAdded = copies.numbers.add(one);
        } else if (step.op == Op::PlainDecimal && one.slot >= 0) {
            isAdded = copies.decimals.add(one);
        } else if (step.op == Op::PlainTime) {
            isAdded = copies.times.add(one);
        } else if (step.op == Op::PlainEnum) {
            m_tables.push_back(step.extra);
            one.words = step.extra->words.data();
            isAdded = copies.words.add(one);
        }
        if (!isAdded)
            return false;
    }
    return true;
}

// What is behind the groups: a symbol, its length in one byte.
bool QuickRows::addTail(const Message &message, const RowPlan &plan)
{
    const Data &data = message.block.data.front();
    const std::vector<Step> &parts = plan.levels.front().parts;
    if (parts.size() != 1 || parts.front().op != Op::SymbolData || data.headerSize != 1 ||
        !isAt(data.length, 0, Primitive::UInt8))
        return false;
    m_symbolAt = int(parts.front().to);
    return true;
}

// Counts that are known when this is compiled make loops into straight lines; -1: not known.
template<int numbers, int decimals, int words>
inline void QuickRows::copy(const Copies &copies, const char *block, const qint8 *exponents, std::byte *row)
{
    const auto each = [](const auto &some, int known, auto action) {
        const int count = known >= 0 ? known : int(some.count);
        for (int i = 0; i < count; ++i)
            action(some.copies[std::size_t(i)]);
    };
    each(copies.numbers, numbers, [&](const Copy &one) { put(row, one.to, load<qint64>(block + one.from)); });
    each(copies.decimals, decimals, [&](const Copy &one) {
        put(row, one.to, Decimal{load<qint64>(block + one.from), exponents[std::size_t(one.slot)]});
    });
    each(copies.words, words, [&](const Copy &one) { put(row, one.to, one.words[quint8(block[one.from])]); });
}

template<bool isTrade>
bool QuickRows::writeAs(QByteArrayView frame, quint64 header, const tidemill::Frame &facts,
                        SymbolCache &symbols, RowBuilder &builder) const
{
    const std::size_t exponentCount = isTrade ? 2 : m_exponents;
    const std::size_t timeCount = isTrade ? 1 : m_root.times.count;
    const std::size_t groupHead = m_groupHead;
    const std::size_t rowSize = isTrade ? sizeof(Trade) : m_rowSize;
    const quint64 rootSize = header & 0xFFFF;
    const char *const root = frame.data() + headerSize;
    auto left = std::size_t(frame.size()) - headerSize;
    if (header >> 48 < m_since || rootSize < m_rootSize || rootSize > left)
        return false;
    left -= rootSize;
    const char *at = root + rootSize;
    std::array<qint8, maxSlots> exponents{};
    for (std::size_t slot = 0; slot < exponentCount; ++slot) {
        exponents[slot] = qint8(root[m_exponentAt[slot]]);
        if (exponents[slot] < Decimal::minExponent || exponents[slot] > Decimal::maxExponent)
            return false;
    }
    std::array<qint64, maxTimes> times{};
    for (std::size_t i = 0; i < timeCount; ++i) {
        const Copy &time = m_root.times.copies[i];
        if (__builtin_mul_overflow(load<qint64>(root + time.from), time.scale, &times[i]))
            return false;
    }

    std::size_t count = 1;
    std::size_t entrySize = 0;
    if (isTrade || groupHead != 0) {
        if (left < groupHead)
            return false;
        entrySize = load<quint16>(at);
        count = load<quint32>(at + m_countAt) & m_countMask;
        at += groupHead;
        left -= groupHead;
        if (entrySize < m_entrySize || count * entrySize > left) // 32 and 16 bits: no overflow
            return false;
    }
    const char *entry = at;
    at += count * entrySize;
    left -= count * entrySize;
    if (left == 0 || std::size_t(quint8(*at)) > left - 1)
        return false;
    const Symbol symbol = symbols.find({at + 1, qsizetype(quint8(*at))});
    if (symbol.isNull())
        return false;

    if (count == 0)
        return true;
    std::byte *row = builder.add(count);
    for (std::size_t i = 0; i < count; ++i, entry += entrySize, row += rowSize) {
        std::memcpy(row, m_blank.data(), rowSize);
        put(row, m_exchangeAt, facts.exchange);
        put(row, m_receivedAt, facts.ts_recv);
        put(row, m_provenanceAt, facts.provenance);
        put(row, m_symbolAt, symbol);
        for (std::size_t time = 0; time < timeCount; ++time)
            put(row, m_root.times.copies[time].to, times[time]);
        if constexpr (isTrade) {
            copy<1, 2, 1>(m_entry, entry, exponents.data(), row);
        } else {
            copy<-1, -1, -1>(m_root, root, exponents.data(), row);
            if (groupHead != 0)
                copy<-1, -1, -1>(m_entry, entry, exponents.data(), row);
        }
    }
    return true;
}

bool QuickRows::write(QByteArrayView frame, quint64 header, const tidemill::Frame &facts,
                      SymbolCache &symbols, RowBuilder &builder) const
{
    return m_isTrade ? writeAs<true>(frame, header, facts, symbols, builder)
                     : writeAs<false>(frame, header, facts, symbols, builder);
}

} // namespace tidemill::sbe
