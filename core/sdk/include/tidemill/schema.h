// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/export.h>

#include <QByteArrayView>

#include <span>
#include <string_view>
#include <vector>

namespace tidemill {

enum class FieldType : quint8 {
    Int64,
    UInt64,
    Double,
    Bool,
    Decimal,
    Timestamp,
    Symbol,
    Text,   // UTF-8 in the batch's heap
    Bytes,  // anything, in the batch's heap
    Levels, // price and quantity pairs in the batch's heap
    Enum,   // one byte, an index into Field::enumNames
};

TIDEMILL_SDK_EXPORT std::string_view fieldTypeName(FieldType type);

struct Field
{
    std::string_view name;
    FieldType type;
    quint32 offset; // in the row, bytes
    std::span<const std::string_view> enumNames;
};

// What a second record with the same key means.
enum class RecordKind : quint8 {
    Event, // the same thing again: a store keeps the first
    State, // a newer state of the same thing (a candle, an order): a store keeps the last
};

// Names a record type: its fields and where they lie in a row, its natural key, its version.
// Schemas live as long as the process; the strings they point to are literals.
class TIDEMILL_SDK_EXPORT Schema
{
public:
    Schema(std::string_view typeName, int version, RecordKind kind, quint32 rowSize,
           std::vector<Field> fields, std::span<const std::string_view> keyNames);

    // The type's name in snake case, as pipeline files and stores spell it: "book_update".
    QByteArrayView name() const { return m_name; }
    int version() const { return m_version; }
    RecordKind kind() const { return m_kind; }
    quint32 rowSize() const { return m_rowSize; }
    std::span<const Field> fields() const { return m_fields; }
    // Indices into fields(). Never empty.
    std::span<const int> key() const { return m_key; }
    // -1 if there is none of that name.
    int indexOf(QByteArrayView fieldName) const;

    // Equal for equal name, version and layout. Two plugins that declare the same type have two Schema
    // objects and one fingerprint.
    quint64 fingerprint() const { return m_fingerprint; }
    friend bool operator==(const Schema &a, const Schema &b)
    {
        return &a == &b || a.m_fingerprint == b.m_fingerprint;
    }

private:
    QByteArray m_name;
    int m_version;
    RecordKind m_kind;
    quint32 m_rowSize;
    std::vector<Field> m_fields;
    std::vector<int> m_key;
    quint64 m_fingerprint = 0;
};

} // namespace tidemill
