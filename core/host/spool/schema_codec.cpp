// SPDX-License-Identifier: Apache-2.0
#include "schema_codec.h"

#include "byte_order.h"

#include <tidemill/record.h>

#include <deque>
#include <map>
#include <mutex>
#include <string>

namespace tidemill::host {

namespace {

constexpr quint32 maxRowSize = 1U << 20;
constexpr quint16 maxFields = 4096;

void appendText(QByteArray &out, std::string_view text)
{
    appendLe<quint16>(out, quint16(text.size()));
    out.append(text.data(), qsizetype(text.size()));
}

quint32 fieldSize(FieldType type)
{
    switch (type) {
    case FieldType::Int64:
    case FieldType::UInt64:
    case FieldType::Double:
    case FieldType::Timestamp:
        return 8;
    case FieldType::Decimal:
        return sizeof(Decimal);
    case FieldType::Symbol:
        return sizeof(Symbol);
    case FieldType::Text:
    case FieldType::Bytes:
    case FieldType::Levels:
        return sizeof(Text);
    case FieldType::Bool:
    case FieldType::Enum:
        return 1;
    }
    return 0;
}

// What a schema only points to must stay somewhere as long as it does.
struct ReadSchema
{
    std::deque<std::string> texts; // a deque: what is in it does not move
    std::deque<std::vector<std::string_view>> enums;
    std::vector<Field> fields;
    std::vector<std::string_view> keys;
    std::string_view name;
    quint32 version = 0;
    quint8 kind = 0;
    quint32 rowSize = 0;
    std::unique_ptr<Schema> schema;

    std::string_view text(LeReader &reader)
    {
        const QByteArrayView bytes = reader.take(reader.number<quint16>());
        return texts.emplace_back(bytes.data(), std::size_t(bytes.size()));
    }
    bool readField(LeReader &reader);
    bool read(QByteArrayView data);
};

bool ReadSchema::readField(LeReader &reader)
{
    const std::string_view fieldName = text(reader);
    const auto type = reader.number<quint8>();
    const auto offset = reader.number<quint32>();
    auto &names = enums.emplace_back();
    const auto nameCount = reader.number<quint16>();
    for (quint16 i = 0; i < nameCount && reader.isGood(); ++i)
        names.push_back(text(reader));
    if (!reader.isGood() || fieldName.empty() || type > quint8(FieldType::Enum))
        return false;
    const quint32 size = fieldSize(FieldType(type));
    if (offset > rowSize || size > rowSize - offset)
        return false;
    fields.push_back({fieldName, FieldType(type), offset, names});
    return true;
}

bool ReadSchema::read(QByteArrayView data)
{
    LeReader reader(data);
    name = text(reader);
    version = reader.number<quint32>();
    kind = reader.number<quint8>();
    rowSize = reader.number<quint32>();
    const auto fieldCount = reader.number<quint16>();
    if (!reader.isGood() || name.empty() || kind > quint8(RecordKind::State) || rowSize == 0 ||
        rowSize > maxRowSize || fieldCount == 0 || fieldCount > maxFields)
        return false;
    for (quint16 i = 0; i < fieldCount; ++i) {
        if (!readField(reader))
            return false;
    }
    const auto keyCount = reader.number<quint16>();
    for (quint16 i = 0; i < keyCount && reader.isGood(); ++i) {
        const auto index = reader.number<quint16>();
        if (index >= fields.size())
            return false;
        keys.push_back(fields[index].name);
    }
    return reader.isGood() && reader.rest().isEmpty() && !keys.empty();
}

} // namespace

QByteArray encodeSchema(const Schema &schema)
{
    QByteArray out;
    appendText(out, {schema.name().data(), std::size_t(schema.name().size())});
    appendLe<quint32>(out, quint32(schema.version()));
    appendLe<quint8>(out, quint8(schema.kind()));
    appendLe<quint32>(out, schema.rowSize());
    appendLe<quint16>(out, quint16(schema.fields().size()));
    for (const Field &field : schema.fields()) {
        appendText(out, field.name);
        appendLe<quint8>(out, quint8(field.type));
        appendLe<quint32>(out, field.offset);
        appendLe<quint16>(out, quint16(field.enumNames.size()));
        for (const std::string_view name : field.enumNames)
            appendText(out, name);
    }
    appendLe<quint16>(out, quint16(schema.key().size()));
    for (const int index : schema.key())
        appendLe<quint16>(out, quint16(index));
    return out;
}

Result<const Schema *> decodeSchema(QByteArrayView data, quint64 fingerprint)
{
    static std::mutex lock;
    static std::map<quint64, std::unique_ptr<ReadSchema>> known; // never emptied: schemas live for good
    const std::scoped_lock guard(lock);
    if (const auto found = known.find(fingerprint); found != known.end())
        return found->second->schema.get();
    auto read = std::make_unique<ReadSchema>();
    if (!read->read(data))
        return Error{Error::Kind::Storage, QStringLiteral("expected the description of a record type")};
    read->schema = std::make_unique<Schema>(read->name, int(read->version), RecordKind(read->kind),
                                            read->rowSize, read->fields, read->keys);
    if (read->schema->fingerprint() != fingerprint)
        return Error{
            Error::Kind::Storage,
            QStringLiteral("the description of the record type %1 has another fingerprint than it says")
                .arg(QString::fromUtf8(read->schema->name()))};
    const Schema *schema = read->schema.get();
    known.emplace(fingerprint, std::move(read));
    return schema;
}

} // namespace tidemill::host
