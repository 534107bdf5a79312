// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/export.h>

#include <QByteArrayView>
#include <QHashFunctions>

#include <compare>
#include <string_view>

namespace tidemill {

// An interned name (an exchange, a traded symbol, an interval): four bytes in a record, compared as one
// integer. Names live as long as the process. Interning takes a lock only for a name never seen before;
// reading takes none.
//
// The table is bounded (maxSymbols names of at most maxLength bytes): a hostile feed must not fill the memory
// with names. Past the bound a new name becomes the null symbol, so decoders refuse records whose symbol came
// out null, and where they can, intern only what they subscribed to and look the rest up by find().
class TIDEMILL_SDK_EXPORT Symbol
{
public:
    static constexpr int maxSymbols = 1 << 20;
    static constexpr int maxLength = 255;

    constexpr Symbol() = default;
    explicit Symbol(QByteArrayView name);
    explicit Symbol(const QByteArray &name) : Symbol(QByteArrayView(name)) {}
    explicit Symbol(std::string_view name) : Symbol(QByteArrayView(name.data(), qsizetype(name.size()))) {}
    explicit Symbol(const char *name) : Symbol(std::string_view(name)) {}

    // The symbol of that name if there is one already, otherwise null.
    static Symbol find(QByteArrayView name);
    // The symbol with that id; null for an id never given out. Ids mean nothing outside this process.
    static Symbol fromId(quint32 id);

    QByteArrayView name() const;
    constexpr quint32 id() const { return m_id; }
    constexpr bool isNull() const { return m_id == 0; }

    friend constexpr bool operator==(Symbol, Symbol) = default;
    // By age, not by alphabet: for maps.
    friend constexpr auto operator<=>(Symbol a, Symbol b) { return a.m_id <=> b.m_id; }
    friend size_t qHash(Symbol symbol, size_t seed = 0) { return ::qHash(symbol.m_id, seed); }

private:
    quint32 m_id = 0;
};

inline namespace literals {

inline Symbol operator""_sym(const char *name, std::size_t size)
{
    return Symbol(std::string_view(name, size));
}

} // namespace literals

} // namespace tidemill
