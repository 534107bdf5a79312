// SPDX-License-Identifier: Apache-2.0
#include "option_json.h"
#include "plugin_registry.h"

#include <QJsonObject>

// PluginRegistry::describe(): the plugins as JSON.

namespace tidemill::host {

namespace {

QJsonObject toJson(const PluginInfo &info)
{
    QJsonObject json{
        {QStringLiteral("id"), info.id},
        {QStringLiteral("kind"), nodeKindName(info.kind)},
        {QStringLiteral("path"), info.path},
        {QStringLiteral("summary"), info.summary},
        {QStringLiteral("stability"), info.stability},
    };
    if (!info.accepts.isEmpty())
        json.insert(QStringLiteral("accepts"), QJsonArray::fromStringList(info.accepts));
    if (!info.emits.isEmpty())
        json.insert(QStringLiteral("emits"), QJsonArray::fromStringList(info.emits));
    if (info.ownThread)
        json.insert(QStringLiteral("thread"), QStringLiteral("own"));
    return json;
}

// In the order the plugin lists them: the important ones first.
Result<QJsonArray> optionsOf(Node &node)
{
    QJsonArray options;
    try {
        const OptionList listed = node.options();
        if (const auto checked = listed.checkNames(); !checked)
            return checked.error();
        for (const Option &option : listed)
            options.append(optionToJson(option));
    } catch (const std::exception &e) {
        return Error{Error::Kind::Config,
                     QStringLiteral("options() threw: %1").arg(QString::fromUtf8(e.what()))};
    } catch (...) {
        return Error{Error::Kind::Config,
                     QStringLiteral("options() threw something that is no std::exception")};
    }
    return options;
}

} // namespace

QJsonArray PluginRegistry::describe(const QString &id)
{
    QJsonArray all;
    for (const PluginInfo &info : m_plugins) {
        if (!id.isEmpty() && info.id != id)
            continue;
        QJsonObject json = toJson(info);
        QString error = info.error;
        if (error.isEmpty()) {
            const auto loaded = load(info.kind, info.id);
            auto created = loaded ? create(info.kind, info.id) : Result<NodePtr<>>(loaded.error());
            // Never started, so not to be stopped either.
            const std::unique_ptr<Node> node(created ? created->release() : nullptr);
            const auto options = node ? optionsOf(*node) : Result<QJsonArray>(created.error());
            if (options)
                json.insert(QStringLiteral("options"), *options);
            else
                error = options.error().message;
        }
        if (!error.isEmpty())
            json.insert(QStringLiteral("error"), error);
        all.append(json);
    }
    return all;
}

} // namespace tidemill::host
