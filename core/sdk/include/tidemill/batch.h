// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/delivery.h>
#include <tidemill/record.h>

#include <QMetaType>

#include <cstring>
#include <memory>
#include <span>

namespace tidemill {

class Batch;
// A batch has many owners and no writer. Shared freely between threads.
using BatchPtr = std::shared_ptr<const Batch>;

// Memory for rows and heap: grows like a vector, is handed over without a copy, is aligned for any field.
class TIDEMILL_SDK_EXPORT BatchBuffer
{
public:
    BatchBuffer() = default;
    BatchBuffer(BatchBuffer &&other) noexcept;
    BatchBuffer &operator=(BatchBuffer &&other) noexcept;
    ~BatchBuffer();

    const std::byte *data() const { return m_data; }
    std::byte *data() { return m_data; }
    std::size_t size() const { return m_size; }
    std::size_t capacity() const { return m_capacity; }

    // Room for `bytes` more at the end, which then count as used.
    std::byte *extend(std::size_t bytes)
    {
        if (m_capacity - m_size < bytes)
            grow(bytes);
        std::byte *end = m_data + m_size;
        m_size += bytes;
        return end;
    }

private:
    void grow(std::size_t bytes);

    std::byte *m_data = nullptr;
    std::size_t m_size = 0;
    std::size_t m_capacity = 0;
};

// An immutable block of records of one type: fixed-size rows one after the other, and one heap for what
// varies in size.
class TIDEMILL_SDK_EXPORT Batch
{
public:
    // `rows` holds rows of that schema; text, bytes and levels in them point into `heap`.
    Batch(const Schema &schema, BatchBuffer rows, BatchBuffer heap, DeliveryPtr delivery);
    ~Batch();
    Q_DISABLE_COPY_MOVE(Batch)

    const Schema &schema() const { return *m_schema; }
    qsizetype rowCount() const { return m_rowCount; }
    // Memory in use, for bounds on queues.
    std::size_t byteSize() const { return sizeof(Batch) + m_rows.capacity() + m_heap.capacity(); }

    template<Record T>
    bool is() const
    {
        return *m_schema == schemaOf<T>();
    }

    // All rows; none if the batch is of another type, so ask is<T>() first where that matters.
    template<Record T>
    std::span<const T> rows() const
    {
        if (!is<T>())
            return {};
        return {reinterpret_cast<const T *>(m_rows.data()), std::size_t(m_rowCount)};
    }

    // For code that knows fields by the schema only. `index` from 0 to rowCount() - 1.
    const std::byte *row(qsizetype index) const
    {
        return m_rows.data() + std::size_t(index) * m_schema->rowSize();
    }
    template<typename T>
    T value(qsizetype index, const Field &field) const
    {
        T copy;
        std::memcpy(&copy, row(index) + field.offset, sizeof copy);
        return copy;
    }

    // Empty for a reference that does not lie within the heap. Valid as long as the batch.
    QByteArrayView text(Text reference) const { return view(reference.offset, reference.size); }
    QByteArrayView bytes(Bytes reference) const { return view(reference.offset, reference.size); }
    std::span<const Level> levels(Levels reference) const;

    const DeliveryPtr &delivery() const { return m_delivery; }
    // For the host: gives a batch fresh from its source a delivery, before anybody else has seen it.
    void attachDelivery(DeliveryPtr delivery) const { m_delivery = std::move(delivery); }

private:
    QByteArrayView view(quint32 offset, quint32 size) const;

    const Schema *m_schema;
    qsizetype m_rowCount;
    BatchBuffer m_rows;
    BatchBuffer m_heap;
    mutable DeliveryPtr m_delivery;
};

// Collects rows of one type into a batch. Cheap to make and to leave empty; use one for each slot call.
class TIDEMILL_SDK_EXPORT UntypedBatchBuilder
{
public:
    explicit UntypedBatchBuilder(const Schema &schema) : m_schema(&schema) {}

    bool isEmpty() const { return m_rows.size() == 0; }
    qsizetype size() const { return qsizetype(m_rows.size() / m_schema->rowSize()); }

    // What is built comes from that batch too; its source hears of it only after both are dealt with.
    void continues(const Batch &parent);

    // Copy into the heap; the result goes into a row of this same builder. A heap has 4 GiB at most: what
    // does not fit comes back empty.
    Text text(QByteArrayView utf8);
    Bytes bytes(QByteArrayView data);
    Levels levels(std::span<const Level> levels);

    // A row of zeros to fill through the schema.
    std::byte *appendRow();

    // Leaves the builder empty, ready for the next batch, without a parent.
    BatchPtr finish();

protected:
    BatchBuffer m_rows;

private:
    quint32 store(const void *data, std::size_t size, std::size_t alignment, bool *stored);

    const Schema *m_schema;
    BatchBuffer m_heap;
    std::vector<DeliveryPtr> m_parents;
};

template<Record T>
class BatchBuilder : public UntypedBatchBuilder
{
public:
    BatchBuilder() : UntypedBatchBuilder(schemaOf<T>()) {}
    explicit BatchBuilder(const BatchPtr &parent) : BatchBuilder() { continues(*parent); }

    // The reference holds until the next append().
    T &append(const T &row) { return *new (m_rows.extend(sizeof(T))) T(row); }
};

} // namespace tidemill

Q_DECLARE_METATYPE(tidemill::BatchPtr)
