// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/symbol.h>

#include <array>
#include <cstring>

namespace tidemill::sbe {

// Symbols by their text, in front of the table that the whole process shares: a feed has few of them, most
// are short, and this one is without locks and within a few cache lines.
class SymbolCache
{
public:
    // Null for a text that is empty, too long, not UTF-8, or one too many for the table.
    Symbol find(QByteArrayView text)
    {
        if (text.isEmpty() || text.size() > maxSize)
            return findSlowly(text);
        const Key key = keyOf(text);
        Entry &entry = m_entries[(key.first * 0x9E3779B97F4A7C15U ^ key.last * 0xC2B2AE3D27D4EB4FU) >> shift];
        if (entry.key.first == key.first && entry.key.last == key.last && entry.size == quint32(text.size()))
            return entry.symbol;
        return remember(entry, key, text);
    }

private:
    static constexpr qsizetype maxSize = 16;
    // Many more places than symbols: two that share one would push each other out every time.
    static constexpr int shift = 64 - 12;

    // All bytes of a text: its first ones and its last ones, which may overlap.
    struct Key
    {
        quint64 first = 0;
        quint64 last = 0;
    };
    struct Entry
    {
        Key key;
        quint32 size = 0;
        Symbol symbol;
    };

    static Key keyOf(QByteArrayView text)
    {
        const char *const end = text.data() + text.size();
        if (text.size() >= 8)
            return {load<quint64>(text.data()), load<quint64>(end - 8)};
        if (text.size() >= 4)
            return {load<quint32>(text.data()), load<quint32>(end - 4)};
        return {quint8(text.front()), quint64(quint8(end[-1])) << 8 | quint8(text[text.size() / 2])};
    }
    template<typename Number>
    static Number load(const char *at)
    {
        Number number;
        std::memcpy(&number, at, sizeof number);
        return number;
    }

    static Symbol findSlowly(QByteArrayView text)
    {
        // What is in the table may have been put there by somebody less strict.
        return text.isValidUtf8() ? Symbol(text) : Symbol();
    }
    static Symbol remember(Entry &entry, const Key &key, QByteArrayView text)
    {
        const Symbol symbol = findSlowly(text);
        if (!symbol.isNull())
            entry = {key, quint32(text.size()), symbol};
        return symbol;
    }

    std::array<Entry, 1 << (64 - shift)> m_entries{};
};

} // namespace tidemill::sbe
