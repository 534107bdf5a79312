// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "quick_rows.h"
#include "row_compiler.h"

namespace tidemill::sbe {

// How many frames and rows could not be used, by reason.
using FaultCounts = std::array<quint32, std::size_t(Fault::Count)>;

// Turns frames of a schema into rows. Keeps its working memory, so a record costs no allocation.
class RowWriter
{
public:
    // Both must outlive this; `plans` in the order of schema.messages. prepare() when they are complete.
    RowWriter(const MessageSchema &schema, const std::vector<MessagePlan> &plans);
    void prepare(bool isQuick);

    // Takes the frame apart and checks all of it before any row is made. A fault of the frame gives no row
    // and is returned; a fault of a row leaves out that row and is counted.
    // `builderOf(plan)` gives the builder of the plan's records.
    template<typename BuilderOf>
    Fault write(const tidemill::Frame &facts, QByteArrayView frame, FaultCounts &faults, BuilderOf builderOf)
    {
        if (frame.size() >= 8) {
            const auto header = loadAs<quint64, false>(frame.data());
            const Quick &quick = m_quick[header >> 16 & (quickCount - 1)];
            if (quick.rows && (header & QuickRows::idMask) == quick.rows->ids()) {
                m_plan = quick.plan;
                if (quick.rows->write(frame, header, facts, m_symbols, builderOf(*quick.row)))
                    return Fault::None;
            }
        }
        if (const Fault fault = open(frame); fault != Fault::None)
            return fault;
        for (const RowPlan &plan : m_plan->rows)
            writeRows(plan, facts, builderOf(plan), faults);
        return Fault::None;
    }

    // The plan of the message written last.
    const MessagePlan *plan() const { return m_plan; }

private:
    // Where the parts of a block are.
    struct Layout
    {
        struct Entries
        {
            GroupView view;
            const char *first = nullptr;
        };
        std::vector<Entries> groups;
        std::vector<QByteArrayView> data;
    };

    // The short way for a message, by the last bits of its id; of several messages one has it.
    struct Quick
    {
        const MessagePlan *plan = nullptr;
        const RowPlan *row = nullptr;
        std::optional<QuickRows> rows{};
    };
    static constexpr std::size_t quickCount = 64;

    Fault open(QByteArrayView frame);
    Fault layOut(const Block &block, Cursor cursor, Layout &layout, const char **behind);
    Cursor cursorAt(const char *at) const { return {at, m_end, m_frame.version, m_schema.isBigEndian}; }
    void writeRows(const RowPlan &plan, const tidemill::Frame &facts, RowBuilder &builder,
                   FaultCounts &faults);
    template<bool bigEndian>
    void writeEntries(const RowPlan &plan, std::size_t level, RowBuilder &builder, FaultCounts &faults);
    template<bool bigEndian>
    Fault fill(const RowPlan &plan, const LevelPlan &level, BlockView block, const Layout *layout,
               RowBuilder &builder);

    template<bool bigEndian, bool isWhole>
    Fault copyFields(const RowPlan &plan, const LevelPlan &level, BlockView block, RowBuilder &builder);
    Fault copyField(const Step &step, const char *at, RowBuilder &builder);
    Fault copyPart(const RowPlan &plan, const LevelPlan &level, const Step &step, const Layout &layout,
                   RowBuilder &builder);
    Fault copyLevels(const Step &step, const Layout::Entries &entries, const Group &group,
                     RowBuilder &builder);
    Fault readNumber(const Step &step, BlockView block, Decimal &number) const;
    Fault readDecimal(const Step &step, const char *at, Decimal &number) const;
    template<bool bigEndian>
    void readExponents(const LevelPlan &level, BlockView block);
    Fault exponentFault(const Step &step) const;
    Fault copySymbol(const Step &step, QByteArrayView text)
    {
        const Symbol symbol = m_symbols.find(text);
        if (symbol.isNull())
            return text.isEmpty() && step.onNull == OnNull::LeaveBlank ? Fault::MissingField : Fault::BadText;
        store(step, symbol);
        return Fault::None;
    }
    void leaveBlank(const RowPlan &plan, const Step &step);
    QByteArrayView describe(const Step &step, quint64 bits);
    QByteArrayView describeList(const Step &step, const char *at);
    quint64 bitsOf(Primitive primitive, const char *at) const
    {
        return loadBits(primitive, at, m_schema.isBigEndian);
    }

    template<typename T>
    void store(const Step &step, const T &value)
    {
        std::memcpy(m_row + step.to, &value, sizeof value);
    }

    const MessageSchema &m_schema;
    const std::vector<MessagePlan> &m_plans;
    FrameOpener m_opener;

    // In place of an exponent that is not there, and of one that no decimal can have: both outside of its
    // range.
    static constexpr qint8 noExponent = -128;
    static constexpr qint8 wrongExponent = -127;

    // Of the frame at hand.
    const MessagePlan *m_plan = nullptr;
    FrameView m_frame;
    const char *m_end = nullptr;
    std::array<qint8, maxExponents> m_exponents{};
    bool m_exponentsAreGood = true;
    std::byte *m_row = nullptr; // being filled in, in its batch
    qint64 m_entry = 0;
    // By level: the layout of the block at hand, and the row as the levels above have filled it in.
    std::vector<Layout> m_layouts;
    std::vector<std::vector<std::byte>> m_above;
    SymbolCache m_symbols;
    std::array<Quick, quickCount> m_quick;
    std::vector<Level> m_levels;
    QByteArray m_text;
};

} // namespace tidemill::sbe
