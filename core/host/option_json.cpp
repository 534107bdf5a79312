// SPDX-License-Identifier: Apache-2.0
#include "option_json.h"

#include "node_settings.h"

#include <QJsonArray>

namespace tidemill::host {

QJsonObject optionToJson(const Option &option)
{
    QJsonObject json{
        {QStringLiteral("name"), option.name()},       {QStringLiteral("type"), option.typeName()},
        {QStringLiteral("help"), option.help()},       {QStringLiteral("required"), option.isRequired()},
        {QStringLiteral("secret"), option.isSecret()},
    };
    if (!option.defaultText().isEmpty())
        json.insert(QStringLiteral("default"), option.defaultText());
    if (!option.exampleText().isEmpty())
        json.insert(QStringLiteral("example"), option.exampleText());
    if (!option.choices().isEmpty())
        json.insert(QStringLiteral("choices"), QJsonArray::fromStringList(option.choices()));
    if (option.minimum())
        json.insert(QStringLiteral("minimum"), *option.minimum());
    if (option.maximum())
        json.insert(QStringLiteral("maximum"), *option.maximum());
    if (option.mustNotBeEmpty())
        json.insert(QStringLiteral("not_empty"), true);
    return json;
}

QJsonObject describeNodeSettings()
{
    QJsonObject kinds;
    for (const NodeKind kind : {NodeKind::Source, NodeKind::Transform, NodeKind::Sink}) {
        NodeSettings settings;
        QJsonArray options;
        for (const Option &option : nodeSettingsOptions(kind, settings))
            options.append(optionToJson(option));
        kinds.insert(nodeKindName(kind), options);
    }
    return kinds;
}

} // namespace tidemill::host
