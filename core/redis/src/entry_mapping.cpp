// SPDX-License-Identifier: Apache-2.0
#include <tidemill/records.h>
#include <tidemill/redis/entry_mapping.h>

namespace tidemill::redis {

namespace {

using Form = FieldMapping::Form;

const QStringList forms{"plain", "naive", "isoformat", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns"};

void fail(OptionErrors &errors, const QString &path, Place place, const QString &message,
          const QString &suggestion = {})
{
    errors.append({path, message, suggestion, place});
}

// { field: ts_event, as: epoch_ms }, { text: "%{symbol}/%{trade_id}" } or { json: true }
FieldMapping readMap(const Value &value, const QString &path, OptionErrors &errors)
{
    FieldMapping result;
    int kinds = 0;
    for (const Value::Member &member : value.members()) {
        const QString at = path + u'.' + member.key;
        const bool isText = member.value.kind() == Value::Kind::Scalar;
        if (!isText) {
            fail(errors, at, member.value.place(),
                 QStringLiteral("expected a text, got %1").arg(member.value.description()));
        } else if (member.key == QLatin1String("field")) {
            result.field = member.value.text().toUtf8();
            ++kinds;
        } else if (member.key == QLatin1String("as")) {
            const qsizetype form = forms.indexOf(member.value.text());
            if (form < 0)
                fail(errors, at, member.value.place(),
                     QStringLiteral("expected one of %1, got '%2'")
                         .arg(forms.join(QStringLiteral(", ")), member.value.text()),
                     nearestName(member.value.text(), forms));
            else
                result.form = Form(form);
        } else if (member.key == QLatin1String("text")) {
            result.form = Form::Template;
            result.text = member.value.text();
            ++kinds;
        } else if (member.key == QLatin1String("json") && member.value.text() == QLatin1String("true")) {
            result.form = Form::Json;
            ++kinds;
        } else {
            fail(errors, at, member.keyPlace,
                 QStringLiteral("expected 'field' (and 'as'), 'text', or 'json: true'"),
                 nearestName(member.key, {"field", "as", "text", "json"}));
        }
    }
    if (kinds != 1)
        fail(errors, path, value.place(),
             QStringLiteral("expected exactly one of 'field', 'text' and 'json: true'"));
    return result;
}

TypeMapping readType(const Value &value, const QString &path, OptionErrors &errors)
{
    TypeMapping type;
    type.path = path;
    type.place = value.place();
    if (value.kind() == Value::Kind::Scalar && !value.isQuoted() && value.text() == QLatin1String("false")) {
        type.isStored = false;
        return type;
    }
    if (value.kind() == Value::Kind::Scalar && value.text() == QLatin1String("schema")) {
        type.isSchema = true;
        return type;
    }
    if (value.kind() != Value::Kind::Map || value.members().isEmpty()) {
        fail(
            errors, path, value.place(),
            QStringLiteral("expected a map from the entry's fields to the record's, 'schema' for all of them "
                           "under their own names, or false, got %1")
                .arg(value.description()));
        return type;
    }
    for (const Value::Member &member : value.members()) {
        const QString at = path + u'.' + member.key;
        FieldMapping field;
        if (member.value.kind() == Value::Kind::Map) {
            field = readMap(member.value, at, errors);
        } else if (member.value.kind() == Value::Kind::Scalar) {
            field.field = member.value.text().toUtf8();
        } else {
            fail(errors, at, member.value.place(),
                 QStringLiteral("expected the name of a field of the record or a map, got %1")
                     .arg(member.value.description()));
        }
        field.name = member.key.toUtf8();
        field.path = at;
        field.place = member.value.place();
        type.fields.append(field);
    }
    return type;
}

// The fields that readers of trades in Redis know, in their order, and behind them the time as a number.
TypeMapping tradeFields(bool rawJson)
{
    TypeMapping type;
    const auto add = [&type](const char *name, const char *field, Form form = Form::Plain) {
        FieldMapping mapping;
        mapping.name = name;
        mapping.field = field;
        mapping.form = form;
        mapping.path = QStringLiteral("fields.trade.%1").arg(QLatin1String(name));
        type.fields.append(mapping);
    };
    add("exchange", "exchange");
    add("pair", "symbol");
    add("price", "price");
    add("qty", "quantity");
    add("ts", "ts_event", Form::Naive);
    add("side", "side");
    add("trade_id", "trade_id");
    if (rawJson)
        add("raw_json", "", Form::Json);
    add("ts_ms", "ts_event", Form::EpochMs);
    return type;
}

} // namespace

EntryMappings EntryMappings::parse(const Value &keys, const Value &fields, bool rawJson, OptionErrors &errors)
{
    EntryMappings result;
    result.m_rawJson = rawJson;
    result.readKeys(keys, errors);
    result.readFields(fields, errors);
    if (rawJson && result.m_types.contains("trade"))
        fail(errors, QStringLiteral("raw_json"), {},
             QStringLiteral("belongs to the fields that a trade has by default; with fields.trade, write "
                            "raw_json: { json: true } there"));
    return result;
}

void EntryMappings::readKeys(const Value &keys, OptionErrors &errors)
{
    if (keys.isNull())
        return;
    const auto read = [&errors](const Value &value, const QString &path) {
        if (value.kind() != Value::Kind::Scalar || value.text().isEmpty())
            fail(errors, path, value.place(),
                 QStringLiteral("expected a text such as \"trades:%{symbol}\", got %1")
                     .arg(value.description()));
        return value.text();
    };
    if (keys.kind() != Value::Kind::Map) {
        m_keyOfAll = read(keys, QStringLiteral("key"));
        return;
    }
    for (const Value::Member &member : keys.members())
        m_keys.insert(member.key.toUtf8(), read(member.value, QStringLiteral("key.%1").arg(member.key)));
}

void EntryMappings::readFields(const Value &fields, OptionErrors &errors)
{
    if (fields.isNull())
        return;
    if (fields.kind() != Value::Kind::Map) {
        fail(errors, QStringLiteral("fields"), fields.place(),
             QStringLiteral("expected a map from record types to their fields, got %1")
                 .arg(fields.description()));
        return;
    }
    for (const Value::Member &member : fields.members())
        m_types.insert(member.key.toUtf8(),
                       readType(member.value, QStringLiteral("fields.%1").arg(member.key), errors));
}

TypeMapping EntryMappings::typeOf(const Schema &schema) const
{
    const QByteArray name = schema.name().toByteArray();
    if (const auto written = m_types.constFind(name); written != m_types.constEnd())
        return *written;
    if (schema == schemaOf<Trade>())
        return tradeFields(m_rawJson);
    TypeMapping all;
    all.isSchema = true;
    all.path = QStringLiteral("fields.%1").arg(QString::fromUtf8(name));
    return all;
}

QString EntryMappings::keyOf(const Schema &schema) const
{
    const QByteArray name = schema.name().toByteArray();
    if (const auto written = m_keys.constFind(name); written != m_keys.constEnd())
        return *written;
    if (!m_keyOfAll.isEmpty())
        return m_keyOfAll;
    if (schema == schemaOf<Trade>())
        return QStringLiteral("trades:%{symbol}");
    const QString type = QString::fromUtf8(name);
    return schema.indexOf("symbol") >= 0 ? type + QStringLiteral(":%{symbol}") : type;
}

QString EntryMappings::keyPath(const Schema &schema) const
{
    const QByteArray name = schema.name().toByteArray();
    return m_keys.contains(name) ? QStringLiteral("key.%1").arg(QString::fromUtf8(name))
                                 : QStringLiteral("key");
}

QStringList EntryMappings::recordTypes() const
{
    QStringList names;
    for (auto key = m_keys.keyBegin(); key != m_keys.keyEnd(); ++key)
        names.append(QString::fromUtf8(*key));
    for (auto type = m_types.keyBegin(); type != m_types.keyEnd(); ++type)
        names.append(QString::fromUtf8(*type));
    return names;
}

} // namespace tidemill::redis
