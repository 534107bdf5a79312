// SPDX-License-Identifier: Apache-2.0
#include "entry_reader.h"

#include "field_values.h"

#include <tidemill/records.h>

#include <algorithm>
#include <cstring>

namespace tidemill::redis_stream {

namespace {

using Form = FieldMapping::Form;

constexpr qsizetype maxWords = 2048; // names and values of an entry

QString nameOf(const Field &field)
{
    return QString::fromUtf8(field.name.data(), qsizetype(field.name.size()));
}

// Nanoseconds that a form can tell apart.
qint64 unitOf(Form form)
{
    switch (form) {
    case Form::EpochS:
        return 1'000'000'000;
    case Form::EpochMs:
        return 1'000'000;
    case Form::EpochUs:
    case Form::Naive:
    case Form::Isoformat:
        return 1000;
    default:
        return 1;
    }
}

// The text without a zone first, whatever comes after it may correct it; then from fine to coarse.
int rank(Form form)
{
    switch (form) {
    case Form::Naive:
        return 0;
    case Form::EpochUs:
    case Form::Isoformat:
        return 2;
    case Form::EpochMs:
        return 3;
    case Form::EpochS:
        return 4;
    default:
        return 1;
    }
}

// A trade without a price, a quantity or a name is none; other records may have values missing.
bool mayBeNull(const Schema &schema, const Field &field)
{
    const bool isTrade = schema == schemaOf<Trade>() || schema == schemaOf<AggTrade>();
    switch (field.type) {
    case FieldType::Timestamp:
        return true;
    case FieldType::Symbol:
        return !isTrade && field.name != "exchange";
    case FieldType::Decimal:
    case FieldType::Text:
    case FieldType::Bytes:
    case FieldType::Levels:
        return !isTrade;
    default:
        return false;
    }
}

} // namespace

EntryReader EntryReader::make(const Schema &schema, const TypeMapping &mapping, const QTimeZone &zone,
                              OptionErrors &errors)
{
    EntryReader reader;
    reader.m_schema = &schema;
    reader.m_zone = zone;
    reader.m_isSchema = mapping.isSchema;
    reader.m_row.resize(schema.rowSize());
    reader.m_isMapped.resize(schema.fields().size());
    for (const Field &field : schema.fields())
        reader.m_mayBeNull.push_back(mayBeNull(schema, field));
    if (!mapping.isStored)
        errors.append({mapping.path, QStringLiteral("false leaves nothing to read"), {}, mapping.place});
    if (mapping.isSchema) {
        for (int index = 0; index < int(schema.fields().size()); ++index) {
            const std::string_view name = reader.fieldAt(index).name;
            reader.m_columns.push_back({QByteArray(name.data(), qsizetype(name.size())), Form::Plain, index});
            reader.m_isMapped[std::size_t(index)] = true;
        }
    }
    for (const FieldMapping &field : mapping.fields)
        reader.addColumn(field, errors);
    reader.orderTimes();
    if (mapping.isStored)
        reader.checkKey(mapping, errors);
    return reader;
}

// Values that only go into an entry (a template, a JSON text) are nothing to read from one.
void EntryReader::addColumn(const FieldMapping &mapping, OptionErrors &errors)
{
    if (mapping.form == Form::Template || mapping.form == Form::Json)
        return;
    const int index = m_schema->indexOf(mapping.field);
    if (index < 0) {
        QStringList names;
        for (const Field &field : m_schema->fields())
            names.append(nameOf(field));
        const QString wanted = QString::fromUtf8(mapping.field);
        errors.append(
            {mapping.path,
             QStringLiteral("%1 has no field '%2'; it has %3")
                 .arg(QString::fromUtf8(m_schema->name()), wanted, names.join(QStringLiteral(", "))),
             nearestName(wanted, names), mapping.place});
        return;
    }
    if (mapping.form != Form::Plain && fieldAt(index).type != FieldType::Timestamp)
        errors.append(
            {mapping.path,
             QStringLiteral("'as' is for times, and %1 is none").arg(QString::fromUtf8(mapping.field)),
             {},
             mapping.place});
    m_columns.push_back({mapping.name, mapping.form, index});
    m_isMapped[std::size_t(index)] = true;
}

// Among the columns of one field only: the others stay where the sink puts them.
void EntryReader::orderTimes()
{
    for (std::size_t later = 1; later < m_columns.size(); ++later) {
        for (std::size_t earlier = 0; earlier < later; ++earlier) {
            if (m_columns[earlier].field == m_columns[later].field &&
                rank(m_columns[later].form) < rank(m_columns[earlier].form))
                std::swap(m_columns[earlier], m_columns[later]);
        }
    }
}

void EntryReader::checkKey(const TypeMapping &type, OptionErrors &errors) const
{
    for (const int index : m_schema->key()) {
        if (!m_isMapped[std::size_t(index)])
            errors.append({type.path,
                           QStringLiteral("%1 is missing: without it one %2 cannot be told from another")
                               .arg(nameOf(fieldAt(index)), QString::fromUtf8(m_schema->name())),
                           {},
                           type.place});
    }
}

std::optional<EntryReader::Fault> EntryReader::append(UntypedBatchBuilder &builder, EntryId id,
                                                      const redis::Reply &namesAndValues)
{
    if (namesAndValues.size() > maxWords)
        return Fault{"too_many_fields", QStringLiteral("%1 names and values").arg(namesAndValues.size())};
    std::fill(m_row.begin(), m_row.end(), std::byte{});
    m_isRead.assign(m_schema->fields().size(), false);
    m_contents.clear();
    for (std::size_t index = 0; index < m_columns.size(); ++index) {
        const Column &column = m_columns[index];
        bool isThere = false;
        const QByteArrayView value = valueOf(index, namesAndValues, isThere);
        if (!isThere)
            continue;
        const bool isNull = value.isEmpty() && fieldAt(column.field).type != FieldType::Text;
        if ((isNull && !m_mayBeNull[std::size_t(column.field)]) || !readColumn(column, value))
            return badValue(column, value);
    }
    if (auto fault = fillMissing(id))
        return fault;
    store(builder);
    return {};
}

EntryReader::Fault EntryReader::badValue(const Column &column, QByteArrayView value) const
{
    const Field &field = fieldAt(column.field);
    const std::string_view type = fieldTypeName(field.type);
    return {"bad_value", QStringLiteral("%1: expected the %2 %3, got '%4'")
                             .arg(QString::fromUtf8(column.name), nameOf(field),
                                  QString::fromUtf8(type.data(), qsizetype(type.size())),
                                  QString::fromUtf8(value.first(std::min<qsizetype>(value.size(), 100))))};
}

QByteArrayView EntryReader::valueOf(std::size_t column, const redis::Reply &namesAndValues,
                                    bool &isThere) const
{
    // Where the sink put it, nearly always.
    qsizetype at = qsizetype(column) * 2;
    const QByteArray &name = m_columns[column].name;
    if (namesAndValues[at].text() != name) {
        for (at = 0; at < namesAndValues.size() && namesAndValues[at].text() != name; at += 2) {
        }
    }
    isThere = at + 1 < namesAndValues.size();
    return isThere ? namesAndValues[at + 1].text() : QByteArrayView();
}

bool EntryReader::readColumn(const Column &column, QByteArrayView value)
{
    const Field &field = fieldAt(column.field);
    const auto index = std::size_t(column.field);
    switch (field.type) {
    case FieldType::Timestamp:
        return readTimeColumn(column, value);
    case FieldType::Text:
        m_contents.push_back({column.field, value.toByteArray(), {}});
        m_isRead[index] = true;
        return value.isValidUtf8();
    case FieldType::Bytes:
        m_contents.push_back({column.field, {}, {}});
        m_isRead[index] = true;
        return readBytes(value, m_contents.back().bytes);
    case FieldType::Levels:
        m_contents.push_back({column.field, {}, {}});
        m_isRead[index] = true;
        return value.isEmpty() || readLevels(value, m_contents.back().levels);
    default:
        m_isRead[index] = true;
        return readValue(value, field, m_row.data());
    }
}

bool EntryReader::readTimeColumn(const Column &column, QByteArrayView value)
{
    if (value.isEmpty())
        return true;
    const qint64 unit = unitOf(column.form);
    const bool isText =
        column.form == Form::Plain || column.form == Form::Naive || column.form == Form::Isoformat;
    const auto time = isText ? readTime(value, m_zone) : readEpoch(value, unit);
    if (!time)
        return false;
    const Field &field = fieldAt(column.field);
    Timestamp known;
    std::memcpy(&known, m_row.data() + field.offset, sizeof known);
    const qint64 floored = known.ns - ((known.ns % unit) + unit) % unit;
    if (!m_isRead[std::size_t(column.field)] || floored != time->ns)
        std::memcpy(m_row.data() + field.offset, &*time, sizeof *time);
    m_isRead[std::size_t(column.field)] = true;
    return true;
}

std::optional<EntryReader::Fault> EntryReader::fillMissing(EntryId id)
{
    for (std::size_t index = 0; index < m_isRead.size(); ++index) {
        if (m_isRead[index])
            continue;
        const Field &field = m_schema->fields()[index];
        const bool isTime = field.type == FieldType::Timestamp;
        if (m_isMapped[index] && !(m_mayBeNull[index] && (m_isSchema || isTime)))
            return Fault{"missing_field", QStringLiteral("there is no %1").arg(nameOf(field))};
        if (field.type == FieldType::Decimal) {
            const Decimal null = Decimal::null();
            std::memcpy(m_row.data() + field.offset, &null, sizeof null);
        } else if (isTime && field.name == "ts_recv" && id.ms < quint64(1) << 43) {
            const auto taken = Timestamp::fromMilliseconds(qint64(id.ms));
            std::memcpy(m_row.data() + field.offset, &taken, sizeof taken);
        }
    }
    return {};
}

void EntryReader::store(UntypedBatchBuilder &builder)
{
    for (const Content &content : m_contents) {
        const Field &field = fieldAt(content.field);
        const auto put = [&](const auto &reference) {
            std::memcpy(m_row.data() + field.offset, &reference, sizeof reference);
        };
        if (field.type == FieldType::Text)
            put(builder.text(content.bytes));
        else if (field.type == FieldType::Bytes)
            put(builder.bytes(content.bytes));
        else
            put(builder.levels(content.levels));
    }
    std::memcpy(builder.appendRow(), m_row.data(), m_row.size());
}

} // namespace tidemill::redis_stream
