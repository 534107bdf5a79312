// SPDX-License-Identifier: Apache-2.0
#include <tidemill/batch.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace tidemill {

BatchBuffer::BatchBuffer(BatchBuffer &&other) noexcept
    : m_data(std::exchange(other.m_data, nullptr))
    , m_size(std::exchange(other.m_size, 0))
    , m_capacity(std::exchange(other.m_capacity, 0))
{}

BatchBuffer &BatchBuffer::operator=(BatchBuffer &&other) noexcept
{
    std::swap(m_data, other.m_data);
    std::swap(m_size, other.m_size);
    std::swap(m_capacity, other.m_capacity);
    return *this;
}

BatchBuffer::~BatchBuffer()
{
    std::free(m_data);
}

void BatchBuffer::grow(std::size_t bytes)
{
    const std::size_t wanted = std::max({m_capacity * 2, m_size + bytes, std::size_t(256)});
    auto *data = static_cast<std::byte *>(std::realloc(m_data, wanted));
    if (!data)
        throw std::bad_alloc(); // as every other container here would
    m_data = data;
    m_capacity = wanted;
}

Batch::Batch(const Schema &schema, BatchBuffer rows, BatchBuffer heap, DeliveryPtr delivery)
    : m_schema(&schema)
    , m_rowCount(qsizetype(rows.size() / schema.rowSize()))
    , m_rows(std::move(rows))
    , m_heap(std::move(heap))
    , m_delivery(std::move(delivery))
{}

Batch::~Batch() = default;

QByteArrayView Batch::view(quint32 offset, quint32 size) const
{
    if (offset > m_heap.size() || size > m_heap.size() - offset)
        return {};
    return {reinterpret_cast<const char *>(m_heap.data()) + offset, qsizetype(size)};
}

std::span<const Level> Batch::levels(Levels reference) const
{
    const std::size_t bytes = std::size_t(reference.count) * sizeof(Level);
    if (reference.offset % alignof(Level) != 0 || reference.offset > m_heap.size() ||
        bytes > m_heap.size() - reference.offset)
        return {};
    return {reinterpret_cast<const Level *>(m_heap.data() + reference.offset), reference.count};
}

void UntypedBatchBuilder::continues(const Batch &parent)
{
    if (parent.delivery())
        m_parents.push_back(parent.delivery());
}

quint32 UntypedBatchBuilder::store(const void *data, std::size_t size, std::size_t alignment, bool *stored)
{
    const std::size_t padding = (alignment - m_heap.size() % alignment) % alignment;
    *stored = size != 0 && m_heap.size() + padding + size <= std::numeric_limits<quint32>::max();
    if (!*stored)
        return 0;
    std::byte *place = m_heap.extend(padding + size);
    std::memset(place, 0, padding);
    std::memcpy(place + padding, data, size);
    return quint32(m_heap.size() - size);
}

Text UntypedBatchBuilder::text(QByteArrayView utf8)
{
    bool stored = false;
    const quint32 offset = store(utf8.data(), std::size_t(utf8.size()), 1, &stored);
    return stored ? Text{offset, quint32(utf8.size())} : Text{};
}

Bytes UntypedBatchBuilder::bytes(QByteArrayView data)
{
    const Text stored = text(data);
    return {stored.offset, stored.size};
}

Levels UntypedBatchBuilder::levels(std::span<const Level> levels)
{
    bool stored = false;
    const quint32 offset = store(levels.data(), levels.size_bytes(), alignof(Level), &stored);
    return stored ? Levels{offset, quint32(levels.size())} : Levels{};
}

std::byte *UntypedBatchBuilder::appendRow()
{
    std::byte *row = m_rows.extend(m_schema->rowSize());
    std::memset(row, 0, m_schema->rowSize());
    return row;
}

BatchPtr UntypedBatchBuilder::finish()
{
    auto batch = std::make_shared<const Batch>(*m_schema, std::move(m_rows), std::move(m_heap),
                                               joinDeliveries(std::move(m_parents)));
    m_rows = {};
    m_heap = {};
    m_parents.clear();
    return batch;
}

} // namespace tidemill
