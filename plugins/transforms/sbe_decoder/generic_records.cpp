// SPDX-License-Identifier: Apache-2.0
#include "generic_records.h"

#include <tidemill/records.h>

#include <QSet>

#include <algorithm>
#include <deque>
#include <mutex>
#include <string>

namespace tidemill::sbe {

namespace {

// A field of a record type that is being made.
struct Column
{
    QByteArray name;
    FieldType type = FieldType::Int64;
    QByteArray from{}; // path in the message; empty: the frame says it
    bool isNullable = false;
};

// Schemas point to the names of their fields, and batches, wherever they are, to their schemas.
class SchemaStore
{
public:
    const Schema *add(const QByteArray &name, const QList<Column> &columns, bool hasEntry);

private:
    std::string_view keep(const QByteArray &text)
    {
        return m_names.emplace_back(text.constData(), std::size_t(text.size()));
    }

    std::mutex m_lock;
    std::deque<std::string> m_names;
    std::deque<Schema> m_schemas;
};

const Schema *SchemaStore::add(const QByteArray &name, const QList<Column> &columns, bool hasEntry)
{
    const std::scoped_lock lock(m_lock);
    std::vector<tidemill::Field> fields;
    quint32 size = 0;
    const auto place = [&size](quint32 width) {
        const quint32 alignment = std::min(width, 8U);
        size = (size + alignment - 1) / alignment * alignment;
        const quint32 offset = size;
        size += width;
        return offset;
    };
    for (const Column &column : columns) {
        const quint32 width = column.type == FieldType::Enum      ? 1
                              : column.type == FieldType::Symbol  ? sizeof(Symbol)
                              : column.type == FieldType::Decimal ? sizeof(Decimal)
                                                                  : 8;
        const auto enumNames = column.type == FieldType::Enum ? EnumNames<Provenance>::names
                                                              : std::span<const std::string_view>();
        fields.push_back({keep(column.name), column.type, place(width), enumNames});
    }
    size = (size + 7) / 8 * 8;
    static constexpr std::string_view key[] = {"exchange", "connection", "sequence", "entry"};
    const std::span<const std::string_view> keyNames(key, hasEntry ? 4 : 3);
    Schema schema(keep(name), 1, RecordKind::Event, size, std::move(fields), keyNames);
    for (const Schema &known : m_schemas) {
        if (known == schema)
            return &known;
    }
    return &m_schemas.emplace_back(std::move(schema));
}

bool isDecimal(const Type &type)
{
    const Member *mantissa = type.findMember("mantissa");
    const Member *exponent = type.findMember("exponent");
    if (type.kind != Type::Kind::Composite || type.members.size() != 2 || !mantissa || !exponent)
        return false;
    const auto isWhole = [](const Type &part) {
        return part.kind == Type::Kind::Plain && part.length == 1 && !isFloating(part.primitive);
    };
    const auto power = qint64(exponent->type->constantBits);
    return isWhole(*mantissa->type) && mantissa->type->presence != Presence::Constant &&
           isWhole(*exponent->type) &&
           (exponent->type->presence != Presence::Constant ||
            (power >= Decimal::minExponent && power <= Decimal::maxExponent));
}

// The columns of one record type: all of the root, then of each group down to the one that makes the rows.
class ColumnMaker
{
public:
    explicit ColumnMaker(bool hasEntry)
    {
        add({"exchange", FieldType::Symbol});
        add({"stream", FieldType::Symbol});
        add({"ts_recv", FieldType::Timestamp});
        add({"connection", FieldType::Int64});
        add({"sequence", FieldType::Int64});
        if (hasEntry)
            add({"entry", FieldType::Int64});
    }

    void addBlock(const Block &block, const QByteArray &path, const QByteArray &group)
    {
        m_blocks.push_back(&block);
        m_group = group;
        for (const Field &field : block.fields)
            addField(field, path + field.name);
        for (const Data &data : block.data)
            add({snakeCase(data.name), data.isText ? FieldType::Text : FieldType::Bytes, path + data.name,
                 true});
    }

    QList<Column> finish()
    {
        m_names.remove("provenance");
        add({"provenance", FieldType::Enum});
        return m_columns;
    }

private:
    void addField(const Field &field, const QByteArray &path)
    {
        // A power of ten that the schema speaks of and does not have is none of ours.
        const bool hasExponent =
            !field.exponentField.isEmpty() &&
            std::any_of(m_blocks.begin(), m_blocks.end(), [&](const Block *block) {
                return std::any_of(block->fields.begin(), block->fields.end(), [&](const Field &other) {
                    return other.name == field.exponentField && other.type->presence != Presence::Constant;
                });
            });
        addValue(snakeCase(field.name), path, *field.type, field.since > 0, hasExponent);
    }

    void addValue(const QByteArray &name, const QByteArray &path, const Type &type, bool isNullable,
                  bool hasExponent)
    {
        if (type.presence == Presence::Constant)
            return; // it is in the schema, once
        isNullable = isNullable || type.presence == Presence::Optional;
        if (isDecimal(type)) {
            add({name, FieldType::Decimal, path, true});
        } else if (type.kind == Type::Kind::Composite) {
            for (const Member &member : type.members)
                addValue(name + '_' + snakeCase(member.name), path + '.' + member.name, *member.type,
                         isNullable || member.since > 0, false);
        } else if (type.kind != Type::Kind::Plain || type.primitive == Primitive::Char) {
            add({name, FieldType::Text, path, true});
        } else if (type.length > 1) {
            add({name, sizeOf(type.primitive) == 1 ? FieldType::Bytes : FieldType::Text, path, true});
        } else if (isFloating(type.primitive)) {
            add({name, FieldType::Double, path, true});
        } else if (hasExponent || isNullable) { // of all numbers only decimals can say "none"
            add({name, FieldType::Decimal, path, isNullable});
        } else {
            add({name, type.primitive == Primitive::UInt64 ? FieldType::UInt64 : FieldType::Int64, path});
        }
    }

    void add(Column column)
    {
        const QByteArray plain = column.name;
        if (m_names.contains(column.name) && !m_group.isEmpty())
            column.name = m_group + '_' + plain;
        for (int number = 2; m_names.contains(column.name); ++number)
            column.name = plain + '_' + QByteArray::number(number);
        m_names.insert(column.name);
        m_columns.append(column);
    }

    QList<Column> m_columns;
    QSet<QByteArray> m_names{"provenance"}; // which comes last
    QByteArray m_group;
    std::vector<const Block *> m_blocks;
};

RecordMapping makeMapping(const Message &message, const QByteArray &name, const QByteArray &rows,
                          const QList<Column> &columns)
{
    // Never deleted: batches of these types may outlive everything else.
    static auto *store = new SchemaStore;
    RecordMapping mapping{.message = message.name, .rows = rows};
    mapping.record = store->add(name, columns, !rows.isEmpty());
    mapping.path = QString::fromUtf8(message.name);
    for (const Column &column : columns) {
        if (!column.from.isEmpty())
            mapping.fields.append({.field = column.name,
                                   .from = column.from,
                                   .isOptional = column.isNullable,
                                   .path = QString::fromUtf8(message.name + '.' + column.from)});
    }
    return mapping;
}

// The groups of a block, and those in them. `above` are the blocks around them, each with its path and name.
struct Enclosing
{
    const Block *block = nullptr;
    QByteArray path;
    QByteArray group;
};

void addGroups(RecordMappings &mappings, const Message &message, const QByteArray &name,
               const std::vector<Enclosing> &above)
{
    for (const Group &group : above.back().block->groups) {
        std::vector<Enclosing> around = above;
        const QByteArray rows = above.back().path + group.name;
        const QByteArray ownName = name + '_' + snakeCase(group.name);
        around.push_back({&group.block, rows + '.', snakeCase(group.name)});
        ColumnMaker columns(true);
        for (const Enclosing &level : around)
            columns.addBlock(*level.block, level.path, level.group);
        mappings.append(makeMapping(message, ownName, rows, columns.finish()));
        addGroups(mappings, message, ownName, around);
    }
}

} // namespace

QByteArray snakeCase(const QByteArray &name)
{
    const auto isUpper = [](char c) { return c >= 'A' && c <= 'Z'; };
    QByteArray result;
    for (qsizetype i = 0; i < name.size(); ++i) {
        const bool isStart =
            isUpper(name[i]) && i > 0 && name[i - 1] != '_' &&
            (!isUpper(name[i - 1]) || (i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z'));
        if (isStart)
            result.append('_');
        result.append(isUpper(name[i]) ? char(name[i] - 'A' + 'a') : name[i]);
    }
    return result;
}

RecordMappings genericMappings(const Message &message, const QByteArray &prefix)
{
    const QByteArray name = prefix + '_' + snakeCase(message.name);
    ColumnMaker columns(false);
    columns.addBlock(message.block, {}, {});
    RecordMappings mappings{makeMapping(message, name, {}, columns.finish())};
    addGroups(mappings, message, name, {{&message.block, {}, {}}});
    return mappings;
}

} // namespace tidemill::sbe
