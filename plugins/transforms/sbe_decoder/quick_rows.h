// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "row_builder.h"
#include "rows.h"
#include "symbol_cache.h"

#include <optional>

namespace tidemill::sbe {

// The short way for what nearly all frames of a market are: little-endian, the header that the standard
// recommends, one record for the message or for each entry of its one group, whole numbers of 64 bits,
// exponents and a symbol for all. It knows no reason for anything: what is not exactly so is left alone, and
// the long way (RowWriter) says what it is.
class QuickRows
{
public:
    // Nothing if the message is not of that kind.
    static std::optional<QuickRows> make(const MessageSchema &schema, const Message &message,
                                         const RowPlan &plan);

    // What bits 16 to 47 of a frame's first eight bytes must be.
    static constexpr quint64 idMask = 0x0000FFFFFFFF0000U;
    quint64 ids() const { return m_ids; }

    // All rows of the frame, or false and none. The frame has eight bytes at least, with these ids.
    bool write(QByteArrayView frame, quint64 header, const tidemill::Frame &facts, SymbolCache &symbols,
               RowBuilder &builder) const;

private:
    struct Copy
    {
        quint16 from = 0;
        quint16 to = 0;
        qint16 slot = -1; // of a decimal's exponent
        qint64 scale = 1;
        const quint8 *words = nullptr;
    };
    // What is copied from a block, kind by kind: loops of few turns that always are the same.
    template<std::size_t size>
    struct Some
    {
        std::array<Copy, size> copies{};
        quint8 count = 0;

        bool add(const Copy &one)
        {
            if (count == size)
                return false;
            copies[count++] = one;
            return true;
        }
        const Copy *begin() const { return copies.data(); }
        const Copy *end() const { return copies.data() + count; }
    };
    struct Copies
    {
        Some<6> numbers;
        Some<6> decimals;
        Some<2> times;
        Some<2> words;
    };

    // The kind that comes most has a function of its own.
    template<bool isTrade>
    bool writeAs(QByteArrayView frame, quint64 header, const tidemill::Frame &facts, SymbolCache &symbols,
                 RowBuilder &builder) const;
    bool addSteps(const LevelPlan &level, Copies &copies);
    bool addTail(const Message &message, const RowPlan &plan);
    template<int numbers, int decimals, int words>
    static void copy(const Copies &copies, const char *block, const qint8 *exponents, std::byte *row);

    static constexpr std::size_t maxTimes = 2;
    static constexpr std::size_t maxSlots = 8;

    alignas(16) std::array<std::byte, 128> m_blank{};
    std::size_t m_rowSize = 0;
    bool m_isTrade = false;
    quint64 m_ids = 0;
    quint64 m_since = 0;    // the version that has everything
    quint64 m_rootSize = 0; // what its blocks have at least
    quint64 m_entrySize = 0;
    std::size_t m_groupHead = 0; // its size; 0: no group
    std::size_t m_countAt = 0;
    quint32 m_countMask = 0;
    int m_exchangeAt = -1;
    int m_receivedAt = -1;
    int m_provenanceAt = -1;
    int m_symbolAt = -1;
    std::array<quint16, maxSlots> m_exponentAt{};
    std::size_t m_exponents = 0;
    Copies m_root;
    Copies m_entry;
    std::vector<std::shared_ptr<const StepExtra>> m_tables; // that `words` point into
};

} // namespace tidemill::sbe
