// SPDX-License-Identifier: Apache-2.0
#include <tidemill/symbol.h>

#include <QLoggingCategory>

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <utility>

Q_LOGGING_CATEGORY(lcSymbol, "tidemill.sdk.symbol")

namespace tidemill {

namespace {

// Names are only ever added. Readers follow atomic pointers; writers take the lock. Neither the buckets nor
// the index take memory before they are used (zeroed pages), and nothing is ever freed, so that no reader can
// be late.
struct Entry
{
    Entry *next;
    quint32 id;
    quint32 hash;
    quint32 size;
    char name[1];
};

constexpr int bucketCount = 1 << 14;
constexpr int chunkSize = 1 << 10;
constexpr int chunkCount = Symbol::maxSymbols / chunkSize;
using Chunk = std::array<std::atomic<const Entry *>, chunkSize>;

std::array<std::atomic<Entry *>, bucketCount> buckets;
std::array<std::atomic<Chunk *>, chunkCount> chunks;
std::mutex writeLock;
quint32 lastId = 0;    // under writeLock
bool saidFull = false; // likewise

quint32 hashOf(QByteArrayView name)
{
    quint32 hash = 2166136261U; // FNV-1a: names are short
    for (const char c : name)
        hash = (hash ^ quint8(c)) * 16777619U;
    return hash;
}

const Entry *lookUp(QByteArrayView name, quint32 hash)
{
    const Entry *entry = buckets[hash % bucketCount].load(std::memory_order_acquire);
    for (; entry; entry = entry->next) {
        if (entry->hash == hash && entry->size == size_t(name.size()) &&
            std::memcmp(entry->name, name.data(), entry->size) == 0)
            return entry;
    }
    return nullptr;
}

quint32 add(QByteArrayView name, quint32 hash)
{
    const std::scoped_lock lock(writeLock);
    if (const Entry *entry = lookUp(name, hash))
        return entry->id;
    if (lastId + 1 >= quint32(Symbol::maxSymbols)) {
        // Once: a feed that makes up names would fill the log instead of the memory.
        if (!std::exchange(saidFull, true))
            qCCritical(lcSymbol, "the table of %d symbols is full: '%.*s' and all later ones are refused",
                       Symbol::maxSymbols, int(name.size()), name.data());
        return 0;
    }
    const quint32 id = ++lastId;
    void *memory = ::operator new(sizeof(Entry) + size_t(name.size()));
    auto &bucket = buckets[hash % bucketCount];
    auto *entry =
        new (memory) Entry{bucket.load(std::memory_order_relaxed), id, hash, quint32(name.size()), {}};
    std::memcpy(entry->name, name.data(), size_t(name.size()));

    auto &slot = chunks[id / chunkSize];
    if (!slot.load(std::memory_order_relaxed))
        slot.store(new Chunk{}, std::memory_order_release);
    (*slot.load(std::memory_order_relaxed))[id % chunkSize].store(entry, std::memory_order_release);
    bucket.store(entry, std::memory_order_release);
    return id;
}

const Entry *entryOf(quint32 id)
{
    if (id >= quint32(Symbol::maxSymbols))
        return nullptr;
    const Chunk *chunk = chunks[id / chunkSize].load(std::memory_order_acquire);
    return chunk ? (*chunk)[id % chunkSize].load(std::memory_order_acquire) : nullptr;
}

} // namespace

Symbol::Symbol(QByteArrayView name)
{
    if (name.isEmpty() || name.size() > maxLength)
        return;
    const quint32 hash = hashOf(name);
    const Entry *entry = lookUp(name, hash);
    m_id = entry ? entry->id : add(name, hash);
}

Symbol Symbol::find(QByteArrayView name)
{
    Symbol symbol;
    if (const Entry *entry = lookUp(name, hashOf(name)))
        symbol.m_id = entry->id;
    return symbol;
}

Symbol Symbol::fromId(quint32 id)
{
    Symbol symbol;
    if (entryOf(id))
        symbol.m_id = id;
    return symbol;
}

QByteArrayView Symbol::name() const
{
    const Entry *entry = m_id == 0 ? nullptr : entryOf(m_id);
    return entry ? QByteArrayView(entry->name, qsizetype(entry->size)) : QByteArrayView();
}

} // namespace tidemill
