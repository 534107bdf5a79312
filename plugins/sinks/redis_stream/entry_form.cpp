// SPDX-License-Identifier: Apache-2.0
#include "entry_form.h"

#include <tidemill/json.h>
#include <tidemill/redis/command.h>

#include <QRegularExpression>

#include <algorithm>
#include <charconv>

namespace tidemill::redis_stream {

namespace {

using Form = FieldMapping::Form;

constexpr qint64 second = 1'000'000'000;

// Of one value at its place among the columns; an identity is the sum of these.
quint64 hashed(QByteArrayView value, std::size_t column)
{
    return quint64(qHashBits(value.data(), std::size_t(value.size()), 0x5bd1e995 + column)) *
           0x9e3779b97f4a7c15ULL;
}

qint64 readSequence(QByteArrayView text)
{
    qint64 number = -1;
    const auto read = std::from_chars(text.begin(), text.end(), number);
    return read.ec == std::errc() && read.ptr == text.end() ? std::max<qint64>(-1, number) : -1;
}

qint64 epoch(Timestamp time, Form form)
{
    qint64 unit = 1;
    if (form == Form::EpochUs)
        unit = 1000;
    else if (form == Form::EpochMs)
        unit = 1'000'000;
    else if (form == Form::EpochS)
        unit = second;
    // Down, also before 1970.
    return time.ns / unit - (time.ns % unit < 0 ? 1 : 0);
}

QString fieldNames(const Schema &schema)
{
    QStringList names;
    for (const Field &field : schema.fields())
        names.append(QString::fromUtf8(field.name.data(), qsizetype(field.name.size())));
    return names.join(QStringLiteral(", "));
}

} // namespace

EntryForm EntryForm::make(const Schema &schema, const EntryMappings &mappings, bool identifies,
                          qsizetype moreWords, OptionErrors &errors)
{
    EntryForm form;
    form.m_schema = &schema;
    const TypeMapping type = mappings.typeOf(schema);
    form.m_isStored = type.isStored;
    if (!type.isStored)
        return form;
    form.makeKey(mappings, errors);
    if (type.isSchema)
        form.addSchemaColumns();
    for (const FieldMapping &field : type.fields)
        form.addColumn(field, errors);
    if (identifies)
        form.markIdentity(type, errors);
    form.m_identityBase = hashed(schema.name(), form.m_columns.size());
    redis::appendHead(form.m_commandHead, 1 + moreWords + 2 * qsizetype(form.m_columns.size()));
    redis::appendWord(form.m_commandHead, QByteArrayView("XADD"));
    for (const int index : schema.key()) {
        const Field &field = schema.fields()[std::size_t(index)];
        if (field.type == FieldType::Int64 || field.type == FieldType::UInt64)
            form.m_sequence = &field;
    }
    for (std::size_t index = 0; index < form.m_columns.size(); ++index) {
        if (form.m_columns[index].isIdentity && form.m_columns[index].field == form.m_sequence)
            form.m_sequenceColumn = index;
    }
    if (const int time = schema.indexOf("ts_event"); time >= 0)
        form.m_time = &schema.fields()[std::size_t(time)];
    return form;
}

void EntryForm::makeKey(const EntryMappings &mappings, OptionErrors &errors)
{
    const QString text = mappings.keyOf(*m_schema);
    const QString path = mappings.keyPath(*m_schema);
    auto parsed = TextTemplate::parse(text);
    auto resolved = parsed ? (*parsed).resolve(*m_schema) : Result<>(parsed.error());
    if (!resolved) {
        errors.append(
            {path,
             QStringLiteral("%1: %2").arg(QString::fromUtf8(m_schema->name()), resolved.error().message),
             {},
             {}});
        return;
    }
    m_key = *std::move(parsed);
    static const QRegularExpression reference(QStringLiteral("%%|%\\{([^}:]*)"));
    auto found = reference.globalMatch(text);
    while (found.hasNext()) {
        const QByteArray name = found.next().captured(1).toUtf8();
        const int index = name.isEmpty() ? -1 : m_schema->indexOf(name);
        if (index < 0)
            continue;
        const Field &field = m_schema->fields()[std::size_t(index)];
        const bool isName = field.type == FieldType::Symbol || field.type == FieldType::Enum;
        if (!isName || m_keyFields.size() == maxKeyFields) {
            errors.append({path,
                           QStringLiteral("%1 is no name: each of its values would get a stream of its own")
                               .arg(QString::fromUtf8(name)),
                           {},
                           {}});
            return;
        }
        m_keyFields.push_back(&field);
    }
}

void EntryForm::addColumn(const FieldMapping &mapping, OptionErrors &errors)
{
    const auto fail = [&](const QString &message, const QString &suggestion = {}) {
        errors.append({mapping.path, message, suggestion, mapping.place});
    };
    Column column;
    column.form = mapping.form;
    column.name = mapping.name;
    redis::appendWord(column.head, mapping.name);
    if (mapping.form == Form::Template) {
        auto parsed = TextTemplate::parse(mapping.text);
        const auto resolved = parsed ? (*parsed).resolve(*m_schema) : Result<>(parsed.error());
        if (!resolved) {
            fail(resolved.error().message);
            return;
        }
        column.text = *std::move(parsed);
    } else if (mapping.form != Form::Json) {
        const int index = m_schema->indexOf(mapping.field);
        if (index < 0) {
            const QString names = fieldNames(*m_schema);
            fail(QStringLiteral("%1 has no field '%2'; it has %3")
                     .arg(QString::fromUtf8(m_schema->name()), QString::fromUtf8(mapping.field), names),
                 nearestName(QString::fromUtf8(mapping.field), names.split(QStringLiteral(", "))));
            return;
        }
        column.field = &m_schema->fields()[std::size_t(index)];
        column.type = column.field->type;
        column.offset = column.field->offset;
        if (mapping.form != Form::Plain && column.type != FieldType::Timestamp) {
            fail(QStringLiteral("'as' is for times, and %1 is none").arg(QString::fromUtf8(mapping.field)));
            return;
        }
    }
    m_columns.push_back(std::move(column));
}

void EntryForm::addSchemaColumns()
{
    for (const Field &field : m_schema->fields()) {
        Column column;
        column.type = field.type;
        column.offset = field.offset;
        column.field = &field;
        column.name = QByteArray(field.name.data(), qsizetype(field.name.size()));
        redis::appendWord(column.head, column.name);
        m_columns.push_back(std::move(column));
    }
}

// An event is known by its key. A newer state of the same thing is another entry: there all counts but when
// and how we came by it.
void EntryForm::markIdentity(const TypeMapping &type, OptionErrors &errors)
{
    const auto isKey = [this](const Field *field) {
        return std::any_of(m_schema->key().begin(), m_schema->key().end(),
                           [&](int index) { return &m_schema->fields()[std::size_t(index)] == field; });
    };
    const bool isState = m_schema->kind() == RecordKind::State;
    for (Column &column : m_columns) {
        if (column.form != Form::Plain || !column.field)
            continue;
        const bool isOurs = column.name == "ts_recv" || column.name == "provenance";
        // What alone names the stream is the same for all entries of it.
        column.isIdentity = (isKey(column.field) && column.field != keySymbol()) ||
                            (isState && !isOurs && column.field->name != "ts_recv");
    }
    for (const int index : m_schema->key()) {
        const Field *field = &m_schema->fields()[std::size_t(index)];
        const bool isInEntry = std::any_of(m_columns.begin(), m_columns.end(), [field](const Column &column) {
            return column.isIdentity && column.field == field;
        });
        const bool isInKey = std::find(m_keyFields.begin(), m_keyFields.end(), field) != m_keyFields.end();
        if (!isInEntry && !isInKey)
            errors.append(
                {type.path,
                 QStringLiteral("%1 is missing: without it one %2 cannot be told from another, and a "
                                "repeated one would be stored twice. Add it, or set lookup to 0")
                     .arg(QString::fromUtf8(field->name.data(), qsizetype(field->name.size())),
                          QString::fromUtf8(m_schema->name())),
                 {},
                 type.place});
    }
}

EntryForm::KeyIds EntryForm::keyIds(const Batch &batch, qsizetype row) const
{
    KeyIds ids{};
    for (std::size_t index = 0; index < m_keyFields.size(); ++index) {
        const Field &field = *m_keyFields[index];
        ids[index] = field.type == FieldType::Symbol ? batch.value<Symbol>(row, field).id()
                                                     : batch.value<quint8>(row, field);
    }
    return ids;
}

QByteArray EntryForm::key(const Batch &batch, qsizetype row) const
{
    QByteArray key;
    m_key.appendTo(key, batch, row);
    return key;
}

// -1: it has none, or one that is no ordinary number.
qint64 EntryForm::sequenceOf(const Batch &batch, qsizetype row) const
{
    const bool hasSequence = m_sequenceColumn < m_columns.size();
    return hasSequence ? std::max<qint64>(-1, batch.value<qint64>(row, *m_sequence)) : -1;
}

Identity EntryForm::identityOf(const Batch &batch, qsizetype row)
{
    m_scratch.resize(0);
    redis::RespWriter out(m_scratch);
    return appendFields(out, batch, row);
}

const EntryForm::SymbolWords &EntryForm::wordsOf(Column &column, std::size_t index, Symbol symbol)
{
    if (column.symbols.size() <= symbol.id())
        column.symbols.resize(symbol.id() + 1);
    SymbolWords &known = column.symbols[symbol.id()];
    if (known.words.isNull()) {
        known.words = column.head;
        redis::appendWord(known.words, symbol.name());
        known.hash = column.isIdentity ? hashed(symbol.name(), index) : 0;
    }
    return known;
}

Identity EntryForm::appendFields(redis::RespWriter &out, const Batch &batch, qsizetype row)
{
    quint64 hash = m_identityBase;
    for (std::size_t index = 0; index < m_columns.size(); ++index) {
        Column &column = m_columns[index];
        if (column.type == FieldType::Symbol && column.form == Form::Plain) {
            const SymbolWords &known = wordsOf(column, index, batch.value<Symbol>(row, *column.field));
            out.bytes(known.words);
            hash += known.hash;
            continue;
        }
        out.bytes(column.head);
        const QByteArrayView value = appendValue(out, column, batch, row);
        if (column.isIdentity)
            hash += hashed(value, index);
    }
    return {hash, sequenceOf(batch, row)};
}

QByteArrayView EntryForm::appendValue(redis::RespWriter &out, const Column &column, const Batch &batch,
                                      qsizetype row)
{
    m_text.resize(0); // keeps its memory
    if (column.form == Form::Template) {
        column.text.appendTo(m_text, batch, row);
        return out.word(m_text);
    }
    if (column.form == Form::Json) {
        appendJson(m_text, batch, row);
        return out.word(m_text);
    }
    const Field &field = *column.field;
    switch (column.type) {
    case FieldType::Timestamp:
        return appendTime(out, column.form, batch.value<Timestamp>(row, field));
    case FieldType::Decimal:
        return appendDecimal(out, batch.value<Decimal>(row, field));
    case FieldType::Int64:
        return appendNumber(out, batch.value<qint64>(row, field));
    case FieldType::UInt64:
        return appendNumber(out, batch.value<quint64>(row, field));
    case FieldType::Enum:
        if (const auto value = batch.value<quint8>(row, field); value < field.enumNames.size()) {
            const std::string_view name = field.enumNames[value];
            return out.word({name.data(), qsizetype(name.size())});
        }
        return out.word({});
    default:
        m_text.append(fieldText(batch, row, field));
        return out.word(m_text);
    }
}

QByteArrayView EntryForm::appendTime(redis::RespWriter &out, Form form, Timestamp time)
{
    if (time.isNull())
        return out.word({});
    switch (form) {
    case Form::Plain:
        return out.word(time.toString());
    case Form::Naive:
        return appendNaive(out, time, {});
    case Form::Isoformat:
        return appendNaive(out, time, "+00:00");
    default:
        return appendNumber(out, epoch(time, form));
    }
}

// "2023-11-14T22:13:20.123000", and nothing behind whole seconds: as Python prints a time that knows no zone.
QByteArrayView EntryForm::appendNaive(redis::RespWriter &out, Timestamp time, QByteArrayView zone)
{
    constexpr int digits = 6;
    const qint64 fraction = ((time.ns % second) + second) % second;
    const qint64 whole = time.ns - fraction;
    if (whole != m_formattedSecond) {
        const QByteArray text = Timestamp{whole}.toString();
        std::memcpy(m_secondText, text.data(), std::min(sizeof m_secondText, std::size_t(text.size())));
        m_formattedSecond = whole;
    }
    const qint64 microseconds = fraction / 1000;
    const qsizetype size = qsizetype(sizeof m_secondText) + (microseconds > 0 ? 1 + digits : 0) + zone.size();
    char *const word = out.wordOf(size);
    std::memcpy(word, m_secondText, sizeof m_secondText);
    char *at = word + sizeof m_secondText;
    if (microseconds > 0) {
        *at++ = '.';
        value_text::writeDigits(at += digits, quint64(microseconds), digits);
    }
    if (!zone.isEmpty()) // which has no address then
        std::memcpy(at, zone.data(), std::size_t(zone.size()));
    return {word, size};
}

std::optional<Identity> EntryForm::identityOf(const redis::Reply &namesAndValues) const
{
    if (!namesAndValues.isArray())
        return {};
    Identity identity{m_identityBase};
    const qsizetype count = namesAndValues.size();
    for (std::size_t index = 0; index < m_columns.size(); ++index) {
        const Column &column = m_columns[index];
        if (!column.isIdentity)
            continue;
        // Where we put it, nearly always.
        qsizetype at = qsizetype(index) * 2;
        if (namesAndValues[at].text() != column.name) {
            for (at = 0; at < count && namesAndValues[at].text() != column.name; at += 2) {
            }
            if (at >= count)
                return {};
        }
        const QByteArrayView value = namesAndValues[at + 1].text();
        identity.hash += hashed(value, index);
        if (index == m_sequenceColumn)
            identity.sequence = readSequence(value);
    }
    return identity;
}

Result<> EntryForm::checkExplicitId() const
{
    if (m_sequence && m_time)
        return {};
    return Error{Error::Kind::Config,
                 QStringLiteral("%1 has no number in its key and no ts_event to make an id of")
                     .arg(QString::fromUtf8(m_schema->name()))};
}

std::optional<QByteArray> EntryForm::explicitId(const Batch &batch, qsizetype row) const
{
    const qint64 ms = m_time ? batch.value<Timestamp>(row, *m_time).ns / 1'000'000 : 0;
    const qint64 sequence = m_sequence ? batch.value<qint64>(row, *m_sequence) : -1;
    if (ms <= 0 || sequence < 0)
        return {};
    return QByteArray::number(ms) + '-' + QByteArray::number(sequence);
}

} // namespace tidemill::redis_stream
