// SPDX-License-Identifier: Apache-2.0
#include "mapping.h"

#include <tidemill/records.h>

namespace tidemill::sbe {

namespace {

std::vector<const Schema *> mappable()
{
    return {&schemaOf<Trade>(),  &schemaOf<AggTrade>(),   &schemaOf<Quote>(),       &schemaOf<Ticker>(),
            &schemaOf<Candle>(), &schemaOf<BookUpdate>(), &schemaOf<BookSnapshot>()};
}

const Schema *recordNamed(const QString &name)
{
    for (const Schema *schema : mappable()) {
        if (schema->name() == name.toUtf8())
            return schema;
    }
    return nullptr;
}

// Reads the option and notes what is wrong with it under its place and path.
class Reader
{
public:
    explicit Reader(OptionErrors &errors) : m_errors(errors) {}

    void fail(const QString &path, Place place, const QString &message, const QString &suggestion = {})
    {
        m_errors.append({path, message, suggestion, place});
    }

    RecordMapping readMessage(const Value::Member &member, const QString &path)
    {
        RecordMapping mapping{.message = member.key.toUtf8(), .path = path, .place = member.keyPlace};
        const Value &value = member.value;
        if (value.kind() != Value::Kind::Map) {
            fail(
                path, value.place(),
                QStringLiteral("expected a map with 'record' and 'fields', got %1").arg(value.description()));
            return mapping;
        }
        for (const Value::Member &part : value.members()) {
            const QString at = path + QLatin1Char('.') + part.key;
            if (part.key == QLatin1String("record"))
                mapping.record = readRecord(part.value, at);
            else if (part.key == QLatin1String("rows"))
                mapping.rows = readText(part.value, at);
            else if (part.key != QLatin1String("fields"))
                fail(at, part.keyPlace, QStringLiteral("no such option"),
                     nearestName(part.key, {"record", "rows", "fields"}));
        }
        if (!value.find(QStringLiteral("record")))
            fail(path, value.place(), QStringLiteral("expected 'record', the type of record to make"));
        const Value *fields = value.find(QStringLiteral("fields"));
        if (!fields || fields->kind() != Value::Kind::Map)
            fail(path, value.place(),
                 QStringLiteral("expected 'fields', a map from fields of the record to the message's"));
        else if (mapping.record)
            readFields(*fields, path + QStringLiteral(".fields"), mapping);
        return mapping;
    }

private:
    const Schema *readRecord(const Value &value, const QString &path)
    {
        const Schema *schema = value.kind() == Value::Kind::Scalar ? recordNamed(value.text()) : nullptr;
        if (!schema)
            fail(path, value.place(),
                 QStringLiteral("expected one of %1, got %2")
                     .arg(mappableRecords().join(QLatin1String(", ")), value.description()),
                 nearestName(value.text(), mappableRecords()));
        return schema;
    }

    void readFields(const Value &value, const QString &path, RecordMapping &mapping)
    {
        QStringList names;
        for (const tidemill::Field &field : mapping.record->fields())
            names.append(QString::fromUtf8(field.name.data(), qsizetype(field.name.size())));
        for (const Value::Member &member : value.members()) {
            const QString at = path + QLatin1Char('.') + member.key;
            const int index = mapping.record->indexOf(member.key.toUtf8());
            if (index < 0) {
                fail(at, member.keyPlace,
                     QStringLiteral("a %1 has no such field").arg(QString::fromUtf8(mapping.record->name())),
                     nearestName(member.key, names));
                continue;
            }
            mapping.fields.append(readField(member, at, mapping.record->fields()[std::size_t(index)]));
        }
        for (const int key : mapping.record->key()) {
            const QString &name = names[key];
            if (name != QLatin1String("exchange") && !value.find(name)) // the frame says the exchange
                fail(path, value.place(),
                     QStringLiteral("expected '%1' too: it is part of what tells one record from another")
                         .arg(name));
        }
    }

    FieldMapping readField(const Value::Member &member, const QString &path, const tidemill::Field &field)
    {
        FieldMapping mapping{.field = member.key.toUtf8(), .path = path, .place = member.value.place()};
        if (member.value.kind() == Value::Kind::Scalar) {
            mapping.from = readText(member.value, path);
        } else if (member.value.kind() != Value::Kind::Map) {
            fail(path, mapping.place,
                 QStringLiteral("expected a path in the message or a map, got %1")
                     .arg(member.value.description()));
            return mapping;
        }
        for (const Value::Member &part : member.value.members())
            readPart(part, path + QLatin1Char('.') + part.key, mapping);
        if (mapping.from.isEmpty() == mapping.constant.isEmpty())
            fail(path, mapping.place,
                 QStringLiteral("expected one of: 'from', a path in the message, or 'value'"));
        if (field.type == FieldType::Levels && (mapping.price.isEmpty() || mapping.quantity.isEmpty()))
            fail(path, mapping.place, QStringLiteral("expected 'price' and 'quantity', fields of the group"));
        if (field.type == FieldType::Enum && mapping.words.isEmpty() && mapping.constant.isEmpty())
            fail(path, mapping.place,
                 QStringLiteral("expected 'words': for each word the value that means it"));
        checkWords(mapping, field);
        return mapping;
    }

    void readPart(const Value::Member &part, const QString &path, FieldMapping &mapping)
    {
        static const std::pair<const char *, QByteArray FieldMapping::*> texts[] = {
            {"from", &FieldMapping::from},
            {"value", &FieldMapping::constant},
            {"exponent", &FieldMapping::exponent},
            {"price", &FieldMapping::price},
            {"quantity", &FieldMapping::quantity},
            {"price_exponent", &FieldMapping::priceExponent},
            {"quantity_exponent", &FieldMapping::quantityExponent}};
        for (const auto &[name, member] : texts) {
            if (part.key == QLatin1String(name)) {
                mapping.*member = readText(part.value, path);
                return;
            }
        }
        if (part.key == QLatin1String("unit"))
            mapping.unit = readUnit(part.value, path);
        else if (part.key == QLatin1String("words"))
            readWords(part.value, path, mapping);
        else if (part.key == QLatin1String("optional"))
            mapping.isOptional = part.value.text() == QLatin1String("true");
        else
            fail(path, part.keyPlace, QStringLiteral("no such option"),
                 nearestName(part.key, {"from", "value", "unit", "exponent", "words", "optional", "price",
                                        "quantity", "price_exponent", "quantity_exponent"}));
    }

    void readWords(const Value &value, const QString &path, FieldMapping &mapping)
    {
        if (value.kind() != Value::Kind::Map || value.members().isEmpty())
            fail(path, value.place(),
                 QStringLiteral("expected a map from words to values, got %1").arg(value.description()));
        for (const Value::Member &word : value.members())
            mapping.words.append(
                {word.key.toUtf8(), readText(word.value, path + QLatin1Char('.') + word.key)});
    }

    void checkWords(const FieldMapping &mapping, const tidemill::Field &field)
    {
        QStringList known;
        for (const std::string_view word : field.enumNames)
            known.append(QString::fromUtf8(word.data(), qsizetype(word.size())));
        for (const auto &[word, value] : mapping.words) {
            if (!known.contains(QString::fromUtf8(word)))
                fail(mapping.path + QStringLiteral(".words"), mapping.place,
                     QStringLiteral("expected one of %1, got '%2'")
                         .arg(known.join(QLatin1String(", ")), QString::fromUtf8(word)));
        }
    }

    TimeUnit readUnit(const Value &value, const QString &path)
    {
        static const QStringList units{"s", "ms", "us", "ns"};
        const auto index = units.indexOf(value.text());
        if (index < 0)
            fail(path, value.place(),
                 QStringLiteral("expected s, ms, us or ns, got %1").arg(value.description()));
        return index < 0 ? TimeUnit::Nanoseconds : TimeUnit(index);
    }

    QByteArray readText(const Value &value, const QString &path)
    {
        if (value.kind() == Value::Kind::Scalar && !value.text().isEmpty())
            return value.text().toUtf8();
        fail(path, value.place(), QStringLiteral("expected a text, got %1").arg(value.description()));
        return {};
    }

    OptionErrors &m_errors;
};

} // namespace

QStringList mappableRecords()
{
    QStringList names;
    for (const Schema *schema : mappable())
        names.append(QString::fromUtf8(schema->name()));
    return names;
}

RecordMappings parseMappings(const Value &records, OptionErrors &errors)
{
    RecordMappings mappings;
    Reader reader(errors);
    const QString path = QStringLiteral("records");
    if (records.kind() != Value::Kind::Map && !records.isNull())
        reader.fail(
            path, records.place(),
            QStringLiteral("expected a map from messages to records, got %1").arg(records.description()));
    for (const Value::Member &member : records.members())
        mappings.append(reader.readMessage(member, path + QLatin1Char('.') + member.key));
    return mappings;
}

} // namespace tidemill::sbe
