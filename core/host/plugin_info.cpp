// SPDX-License-Identifier: Apache-2.0
#include "plugin_registry.h"

#include <tidemill/plugin.h>

#include <QFileInfo>
#include <QJsonObject>
#include <QPluginLoader>
#include <QRegularExpression>

namespace tidemill::host {

namespace {

const QString interfaceName = QStringLiteral(TIDEMILL_PLUGIN_IID);

// "1" of "org.tidemill.Plugin/1".
QString generation(const QString &iid)
{
    return iid.section(QLatin1Char('/'), 1);
}

Error unusable(const QString &why)
{
    return {Error::Kind::Config, why};
}

Result<> checkInterface(const QString &iid)
{
    if (iid == interfaceName)
        return {};
    if (iid.section(QLatin1Char('/'), 0, 0) == interfaceName.section(QLatin1Char('/'), 0, 0))
        return unusable(
            QStringLiteral(
                "was built for generation %1 of the SDK, this host has generation %2: build it again")
                .arg(generation(iid), generation(interfaceName)));
    return unusable(
        QStringLiteral("is a Qt plugin, but not one of Tidemill's: expected the interface %1, got '%2'")
            .arg(interfaceName, iid));
}

// A list of record type names, "*" for any; `*` alone if the plugin does not say.
Result<QStringList> readTypes(const QJsonObject &metadata, const QString &key)
{
    static const QRegularExpression form(QStringLiteral("^(\\*|[a-z][a-z0-9_]*)$"));
    const QJsonValue value = metadata.value(key);
    if (value.isUndefined())
        return QStringList{QStringLiteral("*")};
    QStringList types;
    for (const auto &item : value.toArray()) {
        if (!form.match(item.toString()).hasMatch())
            return unusable(QStringLiteral("metadata: %1: expected names of record types or \"*\"").arg(key));
        types.append(item.toString());
    }
    if (types.isEmpty())
        return unusable(
            QStringLiteral("metadata: %1: expected a list of names of record types, not empty").arg(key));
    return types;
}

Result<> readMetadata(const QJsonObject &metadata, PluginInfo &info)
{
    const QString kind = metadata.value(QLatin1String("kind")).toString();
    if (kind != nodeKindName(info.kind))
        return unusable(QStringLiteral("metadata: kind: expected \"%1\" in this folder, got \"%2\"")
                            .arg(nodeKindName(info.kind), kind));
    info.summary = metadata.value(QLatin1String("summary")).toString();
    if (info.summary.isEmpty())
        return unusable(QStringLiteral("metadata: summary is required: one line for a person"));
    info.stability = metadata.value(QLatin1String("stability")).toString();

    const QJsonValue thread = metadata.value(QLatin1String("thread"));
    if (!thread.isUndefined() && thread.toString() != QLatin1String("own"))
        return unusable(QStringLiteral("metadata: thread: can only be \"own\""));
    info.ownThread = !thread.isUndefined();

    // Every plugin that takes something says what, and every one that makes something; nobody else does.
    for (const bool accepts : {true, false}) {
        const QString key = accepts ? QStringLiteral("accepts") : QStringLiteral("emits");
        if (info.kind == (accepts ? NodeKind::Source : NodeKind::Sink)) {
            if (metadata.contains(key))
                return unusable(QStringLiteral("metadata: %1: a %2 has none").arg(key, kind));
            continue;
        }
        const auto types = readTypes(metadata, key);
        if (!types)
            return types.error();
        (accepts ? info.accepts : info.emits) = *types;
    }
    return {};
}

Result<> readLibrary(PluginInfo &info)
{
    static const QRegularExpression form(QStringLiteral("^[a-z][a-z0-9_]*$"));
    if (!form.match(info.id).hasMatch())
        return unusable(
            QStringLiteral("its file name must be the plugin's id: small letters, digits and '_'"));
    if (QFileInfo(info.path).size() == 0)
        return unusable(QStringLiteral("the file is empty"));
    QPluginLoader loader(info.path);
    const QJsonObject all = loader.metaData();
    if (all.isEmpty())
        return unusable(loader.errorString());
    if (const auto fits = checkInterface(all.value(QLatin1String("IID")).toString()); !fits)
        return fits.error();
    return readMetadata(all.value(QLatin1String("MetaData")).toObject(), info);
}

} // namespace

PluginInfo readPluginInfo(const QString &path, NodeKind kind)
{
    PluginInfo info;
    info.path = QFileInfo(path).absoluteFilePath();
    info.id = QFileInfo(path).completeBaseName();
    info.kind = kind;
    if (const auto read = readLibrary(info); !read)
        info.error = read.error().message;
    return info;
}

} // namespace tidemill::host
