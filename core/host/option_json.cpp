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

static QJsonArray optionsToJson(const OptionList &options)
{
    QJsonArray array;
    for (const Option &option : options)
        array.append(optionToJson(option));
    return array;
}

QJsonObject describeSettings()
{
    WrittenHostSettings ofHost;
    QJsonObject described{{QStringLiteral("host"), optionsToJson(hostSettingsOptions(ofHost))}};
    for (const NodeKind kind : {NodeKind::Source, NodeKind::Transform, NodeKind::Sink}) {
        NodeSettings settings;
        described.insert(nodeKindName(kind), optionsToJson(nodeSettingsOptions(kind, settings)));
    }
    return described;
}

} // namespace tidemill::host
