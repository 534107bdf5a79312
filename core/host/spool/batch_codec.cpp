// SPDX-License-Identifier: Apache-2.0
#include "batch_codec.h"

#include "byte_order.h"

#include <QHash>

#include <bit>
#include <vector>

namespace tidemill::host {

// Rows go to the disk as they lie in memory. A machine of the other order would need to swap every field.
static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(Decimal) == 16 && sizeof(Level) == 32 && sizeof(Symbol) == 4);

namespace {

constexpr quint32 decimalBytes = 9; // mantissa and exponent; the rest is padding

struct SymbolField
{
    quint32 offset;
    quint32 lastId = 0; // the same name mostly comes again
    quint32 lastIndex = 0;
};

class Encoder
{
public:
    explicit Encoder(const Batch &batch)
        : m_batch(batch)
        , m_rows(batch.rowCount() * qsizetype(batch.schema().rowSize()), '\0')
    {
        for (const Field &field : batch.schema().fields())
            sortField(field);
    }

    QByteArray encode()
    {
        const qsizetype rowSize = m_batch.schema().rowSize();
        char *out = m_rows.data();
        for (qsizetype row = 0; row < m_batch.rowCount(); ++row, out += rowSize)
            encodeRow(row, out);
        QByteArray payload;
        payload.reserve(12 + m_names.size() + m_rows.size() + m_heap.size());
        appendLe<quint32>(payload, quint32(m_symbols.size()));
        appendLe<quint32>(payload, quint32(m_names.size()));
        appendLe<quint32>(payload, quint32(m_heap.size()));
        payload.append(m_names);
        payload.append(m_rows);
        payload.append(m_heap);
        return payload;
    }

private:
    // Bytes that are the same on the disk; fields that lie side by side are copied in one go.
    struct Piece
    {
        quint32 offset;
        quint32 size;
    };

    void sortField(const Field &field)
    {
        switch (field.type) {
        case FieldType::Int64:
        case FieldType::UInt64:
        case FieldType::Double:
        case FieldType::Timestamp:
            return addPiece(field.offset, 8);
        case FieldType::Bool:
        case FieldType::Enum:
            return addPiece(field.offset, 1);
        case FieldType::Decimal:
            return addPiece(field.offset, decimalBytes);
        case FieldType::Symbol:
            m_symbolFields.push_back({field.offset});
            return;
        case FieldType::Text:
        case FieldType::Bytes:
        case FieldType::Levels:
            m_heapFields.push_back(&field);
            return;
        }
    }

    void addPiece(quint32 offset, quint32 size)
    {
        if (!m_pieces.empty() && m_pieces.back().offset + m_pieces.back().size == offset)
            m_pieces.back().size += size;
        else
            m_pieces.push_back({offset, size});
    }

    void encodeRow(qsizetype row, char *out)
    {
        const std::byte *in = m_batch.row(row);
        for (const Piece &piece : m_pieces)
            std::memcpy(out + piece.offset, in + piece.offset, piece.size);
        for (SymbolField &field : m_symbolFields) {
            Symbol symbol;
            std::memcpy(&symbol, in + field.offset, sizeof symbol);
            if (symbol.id() != field.lastId) {
                field.lastIndex = symbolIndex(symbol);
                field.lastId = symbol.id();
            }
            put(out + field.offset, field.lastIndex);
        }
        for (const Field *field : m_heapFields)
            encodeReference(row, *field, out + field->offset);
    }

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

    void encodeReference(qsizetype row, const Field &field, char *out)
    {
        if (field.type == FieldType::Text)
            put(out, store(m_batch.text(m_batch.value<Text>(row, field))));
        else if (field.type == FieldType::Bytes)
            put(out, store(m_batch.bytes(m_batch.value<Bytes>(row, field))));
        else
            put(out, store(m_batch.levels(m_batch.value<Levels>(row, field))));
    }

    const Batch &m_batch;
    std::vector<Piece> m_pieces;
    std::vector<SymbolField> m_symbolFields;
    std::vector<const Field *> m_heapFields;
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
bool restoreRows(const Schema &schema, const QList<Symbol> &symbols, BatchBuffer &rows)
{
    for (const Field &field : schema.fields()) {
        if (field.type != FieldType::Symbol && field.type != FieldType::Bool)
            continue;
        for (std::size_t at = field.offset; at < rows.size(); at += schema.rowSize()) {
            std::byte *value = rows.data() + at;
            if (field.type == FieldType::Bool) {
                *value = *value == std::byte{0} ? std::byte{0} : std::byte{1};
                continue;
            }
            quint32 index = 0;
            std::memcpy(&index, value, sizeof index);
            if (index >= quint32(symbols.size()))
                return false;
            std::memcpy(value, &symbols[qsizetype(index)], sizeof(Symbol));
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
    if (!restoreRows(schema, symbols, rows))
        return damaged(schema, "symbols that are in its table");
    return std::make_shared<const Batch>(schema, std::move(rows), std::move(heap), std::move(delivery));
}

} // namespace tidemill::host
