// SPDX-License-Identifier: Apache-2.0
#include <tidemill/json.h>
#include <tidemill/option.h>
#include <tidemill/text_template.h>

namespace tidemill {

namespace {

Error wrong(const QString &message)
{
    return {Error::Kind::Config, message};
}

void appendJsonField(QByteArray &out, const Batch &batch, qsizetype row, const Field &field)
{
    bool missing = false;
    const QByteArray text = fieldText(batch, row, field, &missing);
    if (missing) {
        out.append("null");
        return;
    }
    switch (field.type) {
    case FieldType::Int64:
    case FieldType::UInt64:
    case FieldType::Double:
    case FieldType::Bool:
    case FieldType::Levels:
        out.append(text);
        return;
    default:
        appendJsonString(out, text);
    }
}

} // namespace

void appendMicroseconds(QByteArray &out, Timestamp time, char separator)
{
    constexpr qint64 second = 1'000'000'000;
    const qint64 fraction = ((time.ns % second) + second) % second;
    // Whole seconds print without a fraction: 19 characters and a Z.
    const QByteArray seconds = Timestamp{time.ns - fraction}.toString();
    out.append(seconds.constData(), 10).append(separator).append(seconds.constData() + 11, 8).append('.');
    out.append(QByteArray::number(fraction / 1000).rightJustified(6, '0'));
}

Result<TextTemplate> TextTemplate::parse(const QString &text)
{
    TextTemplate result;
    const QByteArray source = text.toUtf8();
    Part part;
    for (qsizetype at = 0; at < source.size(); ++at) {
        if (source[at] != '%') {
            part.literal.append(source[at]);
            continue;
        }
        const QByteArrayView rest = QByteArrayView(source).sliced(at + 1);
        if (rest.startsWith('%')) {
            part.literal.append('%');
            ++at;
            continue;
        }
        const qsizetype end = rest.indexOf('}');
        if (!rest.startsWith('{') || end < 0)
            return wrong(QStringLiteral("expected %{field} behind each '%', and %% for a percent sign"));
        const QByteArray inside = rest.sliced(1, end - 1).toByteArray();
        const qsizetype colon = inside.indexOf(':');
        const QByteArray format = colon < 0 ? QByteArray() : inside.mid(colon + 1);
        part.fieldName = inside.left(colon < 0 ? inside.size() : colon);
        if (format == "json")
            part.format = Format::Json;
        else if (format == "isoformat")
            part.format = Format::Isoformat;
        else if (format == "naive")
            part.format = Format::Naive;
        else if (format == "epoch")
            part.format = Format::Epoch;
        else if (colon >= 0)
            return wrong(QStringLiteral("expected json, isoformat, naive or epoch behind the colon, got '%1'")
                             .arg(QString::fromUtf8(inside)));
        if (part.fieldName.isEmpty())
            return wrong(QStringLiteral("expected the name of a field in %{}"));
        result.m_parts.push_back(std::exchange(part, {}));
        at += end + 1;
    }
    result.m_parts.push_back(part);
    return result;
}

Result<> TextTemplate::resolve(const Schema &schema)
{
    for (Part &part : m_parts) {
        if (part.fieldName.isEmpty())
            continue;
        const int index = schema.indexOf(part.fieldName);
        if (index < 0)
            return wrong(QStringLiteral("%1 has no field '%2'")
                             .arg(QString::fromUtf8(schema.name()), QString::fromUtf8(part.fieldName)));
        part.field = &schema.fields()[std::size_t(index)];
        const bool isForTimes = part.format != Format::Plain && part.format != Format::Json;
        if (isForTimes && part.field->type != FieldType::Timestamp)
            return wrong(QStringLiteral("isoformat, naive and epoch are for times, and '%1' is none")
                             .arg(QString::fromUtf8(part.fieldName)));
    }
    return {};
}

void TextTemplate::appendTo(QByteArray &out, const Batch &batch, qsizetype row) const
{
    for (const Part &part : m_parts) {
        out.append(part.literal);
        if (!part.field)
            continue;
        if (part.format == Format::Plain) {
            out.append(fieldText(batch, row, *part.field));
        } else if (part.format == Format::Json) {
            appendJsonField(out, batch, row, *part.field);
        } else {
            appendTime(out, batch.value<Timestamp>(row, *part.field), part.format);
        }
    }
}

bool TextTemplate::isJsonValue() const
{
    const auto isEmpty = [](const Part &part) { return part.fieldName.isEmpty() && part.literal.isEmpty(); };
    return m_parts.size() == 2 && m_parts.front().literal.isEmpty() && isEmpty(m_parts.back()) &&
           (m_parts.front().format == Format::Json || m_parts.front().format == Format::Epoch);
}

void TextTemplate::appendTime(QByteArray &out, Timestamp time, Format format)
{
    constexpr qint64 second = 1'000'000'000;
    if (time.isNull()) {
        if (format == Format::Epoch)
            out.append("null");
        return;
    }
    if (format == Format::Epoch) {
        out.append(QByteArray::number(time.ns / second - (time.ns % second < 0)));
        return;
    }
    appendMicroseconds(out, time, 'T');
    if (format == Format::Isoformat)
        out.append("+00:00");
    else if (out.endsWith(".000000"))
        out.chop(7);
}

} // namespace tidemill
