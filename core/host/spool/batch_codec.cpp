// SPDX-License-Identifier: Apache-2.0
#include "batch_codec.h"

#include "byte_order.h"

#include <QHash>

#include <bit>

namespace tidemill::host {

// Rows go to the disk as they lie in memory. A machine of the other order would need to swap every field.
static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(Decimal) == 16 && sizeof(Level) == 32 && sizeof(Symbol) == 4);

namespace {

constexpr qsizetype decimalBytes = 9; // mantissa and exponent; the rest is padding

class Encoder
{
public:
    explicit Encoder(const Batch &batch)
        : m_batch(batch)
        , m_rows(batch.rowCount() * qsizetype(batch.schema().rowSize()), '\0')
    {}

    QByteArray encode()
    {
        for (qsizetype row = 0; row < m_batch.rowCount(); ++row) {
            char *out = m_rows.data() + row * qsizetype(m_batch.schema().rowSize());
            for (const Field &field : m_batch.schema().fields())
                encodeField(row, field, out + field.offset);
        }
        QByteArray payload;
        payload.reserve(12 + m_names.size() + m_rows.size() + m_heap.size());
        appendLe<quint32>(payload, quint32(m_symbols.size()));
        appendLe<quint32>(payload, quint32(m_names.size()));
        appendLe<quint32>(payload, quint32(m_heap.size()));
        return payload + m_names + m_rows + m_heap;
    }

private:
    template<typename T>
    static void put(char *out, const T &value)
    {
        std::memcpy(out, &value, sizeof value);
    }

    quint32 symbolIndex(Symbol symbol)
    {
        if (symbol.isNull())
            return 0;
        const auto found = m_symbols.constFind(symbol.id());
        if (found != m_symbols.constEnd())
            return *found;
        const QByteArrayView name = symbol.name();
        appendLe<quint8>(m_names, quint8(name.size()));
        m_names.append(name);
        const auto index = quint32(m_symbols.size()) + 1;
        m_symbols.insert(symbol.id(), index);
        return index;
    }

    Text store(QByteArrayView data)
    {
        if (data.isEmpty())
            return {};
        m_heap.append(data);
        return {quint32(m_heap.size() - data.size()), quint32(data.size())};
    }

    Levels store(std::span<const Level> levels)
    {
        if (levels.empty())
            return {};
        m_heap.append((8 - m_heap.size() % 8) % 8, '\0');
        const qsizetype start = m_heap.size();
        m_heap.append(qsizetype(levels.size_bytes()), '\0');
        char *out = m_heap.data() + start;
        for (const Level &level : levels) {
            std::memcpy(out, &level.price, decimalBytes);
            std::memcpy(out + sizeof(Decimal), &level.quantity, decimalBytes);
            out += sizeof(Level);
        }
        return {quint32(start), quint32(levels.size())};
    }

    void encodeField(qsizetype row, const Field &field, char *out)
    {
        const std::byte *in = m_batch.row(row) + field.offset;
        switch (field.type) {
        case FieldType::Int64:
        case FieldType::UInt64:
        case FieldType::Double:
        case FieldType::Timestamp:
            std::memcpy(out, in, 8);
            return;
        case FieldType::Bool:
        case FieldType::Enum:
            std::memcpy(out, in, 1);
            return;
        case FieldType::Decimal:
            std::memcpy(out, in, decimalBytes);
            return;
        case FieldType::Symbol:
            put(out, symbolIndex(m_batch.value<Symbol>(row, field)));
            return;
        case FieldType::Text:
            put(out, store(m_batch.text(m_batch.value<Text>(row, field))));
            return;
        case FieldType::Bytes:
            put(out, store(m_batch.bytes(m_batch.value<Bytes>(row, field))));
            return;
        case FieldType::Levels:
            put(out, store(m_batch.levels(m_batch.value<Levels>(row, field))));
            return;
        }
    }

    const Batch &m_batch;
    QByteArray m_names;
    QByteArray m_rows;
    QByteArray m_heap;
    QHash<quint32, quint32> m_symbols; // id -> index from 1
};

Error damaged(const Schema &schema, const char *what)
{
    return {Error::Kind::Storage,
            QStringLiteral("%1: expected %2").arg(QString::fromUtf8(schema.name()), QLatin1String(what))};
}

bool readSymbols(LeReader &reader, quint32 count, QList<Symbol> &symbols)
{
    symbols.append(Symbol());
    for (quint32 i = 0; i < count; ++i) {
        const QByteArrayView name = reader.take(reader.number<quint8>());
        const Symbol symbol(name);
        if (!reader.isGood() || symbol.isNull())
            return false;
        symbols.append(symbol);
    }
    return reader.rest().isEmpty();
}

// Indices become symbols; a bool that is neither 0 nor 1 would be undefined behaviour later.
bool restoreRow(const Schema &schema, const QList<Symbol> &symbols, std::byte *row)
{
    for (const Field &field : schema.fields()) {
        std::byte *at = row + field.offset;
        if (field.type == FieldType::Symbol) {
            quint32 index = 0;
            std::memcpy(&index, at, sizeof index);
            if (index >= quint32(symbols.size()))
                return false;
            std::memcpy(at, &symbols[qsizetype(index)], sizeof(Symbol));
        } else if (field.type == FieldType::Bool) {
            *at = *at == std::byte{0} ? std::byte{0} : std::byte{1};
        }
    }
    return true;
}

} // namespace

QByteArray encodeBatch(const Batch &batch)
{
    return Encoder(batch).encode();
}

Result<BatchPtr> decodeBatch(const Schema &schema, quint32 rowCount, QByteArrayView data,
                             DeliveryPtr delivery)
{
    LeReader reader(data);
    const auto symbolCount = reader.number<quint32>();
    const auto namesSize = reader.number<quint32>();
    const auto heapSize = reader.number<quint32>();
    LeReader names(reader.take(namesSize));
    const QByteArrayView rowBytes = reader.take(qsizetype(rowCount) * qsizetype(schema.rowSize()));
    const QByteArrayView heapBytes = reader.take(heapSize);
    if (!reader.isGood() || !reader.rest().isEmpty())
        return damaged(schema, "as many bytes as its rows take");
    QList<Symbol> symbols;
    if (!readSymbols(names, symbolCount, symbols))
        return damaged(schema, "the names of its symbols");

    BatchBuffer rows;
    BatchBuffer heap;
    if (!rowBytes.isEmpty())
        std::memcpy(rows.extend(std::size_t(rowBytes.size())), rowBytes.data(), std::size_t(rowBytes.size()));
    if (!heapBytes.isEmpty())
        std::memcpy(heap.extend(std::size_t(heapBytes.size())), heapBytes.data(),
                    std::size_t(heapBytes.size()));
    for (quint32 row = 0; row < rowCount; ++row) {
        if (!restoreRow(schema, symbols, rows.data() + std::size_t(row) * schema.rowSize()))
            return damaged(schema, "symbols that are in its table");
    }
    return std::make_shared<const Batch>(schema, std::move(rows), std::move(heap), std::move(delivery));
}

} // namespace tidemill::host
