// SPDX-License-Identifier: Apache-2.0
#include "line_form.h"

#include <tidemill/json.h>

namespace tidemill {

OptionErrors LineForm::parse(const Value &fields)
{
    OptionErrors errors;
    m_members.clear();
    m_resolved.clear();
    if (fields.isNull())
        return errors;
    if (fields.kind() != Value::Kind::Map || fields.members().isEmpty()) {
        errors.append(
            {QStringLiteral("fields"),
             QStringLiteral("expected a map from members to fields, got %1").arg(fields.description()),
             {},
             fields.place()});
        return errors;
    }
    for (const Value::Member &member : fields.members()) {
        const QString path = QStringLiteral("fields.") + member.key;
        if (member.value.kind() != Value::Kind::Scalar || member.value.text().isEmpty()) {
            errors.append(
                {path,
                 QStringLiteral("expected a field or a text, got %1").arg(member.value.description()),
                 {},
                 member.value.place()});
            continue;
        }
        // The name of a field is short for the field as JSON has it.
        const QString &written = member.value.text();
        const bool isText = written.contains(QLatin1Char('%'));
        auto text = TextTemplate::parse(isText ? written : QStringLiteral("%{%1:json}").arg(written));
        if (!text) {
            errors.append({path, text.error().message, {}, member.value.place()});
            continue;
        }
        QByteArray name;
        appendJsonString(name, member.key.toUtf8()).append(':');
        const bool isJson = text->isJsonValue();
        m_members.push_back({name, *std::move(text), isJson});
    }
    return errors;
}

Result<std::vector<LineForm::Member> *> LineForm::membersFor(const Schema &schema)
{
    if (const auto known = m_resolved.find(&schema); known != m_resolved.end())
        return &*known;
    std::vector<Member> members = m_members;
    for (Member &member : members) {
        if (const auto resolved = member.text.resolve(schema); !resolved)
            return resolved.error();
    }
    return &*m_resolved.insert(&schema, std::move(members));
}

Result<> LineForm::appendTo(QByteArray &lines, const Batch &batch, bool withType)
{
    const auto members = membersFor(batch.schema());
    if (!members)
        return members.error();
    QByteArray text;
    for (qsizetype row = 0; row < batch.rowCount(); ++row) {
        lines.append('{');
        if (withType)
            appendJsonString(lines.append("\"type\":"), batch.schema().name()).append(',');
        for (const Member &member : **members) {
            lines.append(member.name);
            if (member.isJson) {
                member.text.appendTo(lines, batch, row);
            } else {
                text.truncate(0);
                member.text.appendTo(text, batch, row);
                appendJsonString(lines, text);
            }
            lines.append(',');
        }
        lines.back() = '}';
        lines.append('\n');
    }
    return {};
}

} // namespace tidemill
