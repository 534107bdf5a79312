// SPDX-License-Identifier: Apache-2.0
#include "plugin_registry.h"

#include <tidemill/plugin.h>

#include <QCoreApplication>
#include <QDir>
#include <QLoggingCategory>
#include <QPluginLoader>

#include <algorithm>

Q_LOGGING_CATEGORY(lcPlugins, "tidemill.host.plugins")

namespace tidemill::host {

namespace {

constexpr NodeKind kinds[] = {NodeKind::Source, NodeKind::Transform, NodeKind::Sink};

Error pluginError(const PluginInfo &info, const QString &why)
{
    return {Error::Kind::Config, QStringLiteral("plugin '%1' (%2): %3").arg(info.id, info.path, why)};
}

// What a plugin's code throws ends here, with its message.
template<typename Call>
auto guarded(const PluginInfo &info, const char *what, Call call) -> Result<decltype(call())>
{
    try {
        return call();
    } catch (const std::exception &e) {
        return pluginError(
            info, QStringLiteral("%1 threw: %2").arg(QLatin1String(what), QString::fromUtf8(e.what())));
    } catch (...) {
        return pluginError(
            info, QStringLiteral("%1 threw something that is no std::exception").arg(QLatin1String(what)));
    }
}

bool hasKind(Node *node, NodeKind kind)
{
    switch (kind) {
    case NodeKind::Source:
        return qobject_cast<Source *>(node);
    case NodeKind::Transform:
        return qobject_cast<Transform *>(node);
    case NodeKind::Sink:
        return qobject_cast<Sink *>(node);
    }
    return false;
}

} // namespace

PluginRegistry::PluginRegistry(const QStringList &searchPaths, Probe probe) : m_probe(std::move(probe))
{
    for (const QString &path : searchPaths)
        scan(path);
    std::stable_sort(m_plugins.begin(), m_plugins.end(), [](const PluginInfo &a, const PluginInfo &b) {
        return std::pair(a.kind, a.id) < std::pair(b.kind, b.id);
    });
}

// The loaders go, the libraries stay: they are loaded with PreventUnloadHint.
PluginRegistry::~PluginRegistry() = default;

void PluginRegistry::scan(const QString &searchPath)
{
    static const QStringList libraries{QStringLiteral("*.so"), QStringLiteral("*.dll"),
                                       QStringLiteral("*.dylib")};
    for (const NodeKind kind : kinds) {
        // QPluginLoader looks a relative name up in Qt's own paths, so it gets an absolute one.
        const QDir folder(QDir(searchPath).absoluteFilePath(nodeKindName(kind) + QLatin1Char('s')));
        for (const QString &name : folder.entryList(libraries, QDir::Files, QDir::Name)) {
            PluginInfo info = readPluginInfo(folder.absoluteFilePath(name), kind);
            if (find(kind, info.id))
                continue; // hidden by the one found first
            if (!info.error.isEmpty())
                qCWarning(lcPlugins).noquote() << pluginError(info, info.error).message;
            m_plugins.append(info);
        }
    }
}

const PluginInfo *PluginRegistry::find(NodeKind kind, const QString &id) const
{
    const auto found = std::find_if(m_plugins.begin(), m_plugins.end(), [&](const PluginInfo &info) {
        return info.kind == kind && info.id == id;
    });
    return found == m_plugins.end() ? nullptr : &*found;
}

const PluginInfo *PluginRegistry::findAny(const QString &id) const
{
    const auto found = std::find_if(m_plugins.begin(), m_plugins.end(),
                                    [&](const PluginInfo &info) { return info.id == id; });
    return found == m_plugins.end() ? nullptr : &*found;
}

Result<> PluginRegistry::load(NodeKind kind, const QString &id)
{
    const PluginInfo *info = find(kind, id);
    if (!info)
        return Error{Error::Kind::Config,
                     QStringLiteral("there is no %1 plugin '%2'").arg(nodeKindName(kind), id)};
    if (!info->error.isEmpty())
        return pluginError(*info, info->error);
    const std::lock_guard lock(m_lock);
    const Key key(kind, id);
    if (m_loaded.contains(key))
        return {};
    if (const auto failed = m_failed.find(key); failed != m_failed.end())
        return failed->second;
    const auto loaded = loadLibrary(*info);
    if (!loaded)
        m_failed.emplace(key, loaded.error());
    return loaded;
}

Result<> PluginRegistry::loadLibrary(const PluginInfo &info)
{
    if (m_probe) {
        if (const auto harmless = m_probe(info.path); !harmless)
            return pluginError(info, harmless.error().message);
    }
    auto loader = std::make_unique<QPluginLoader>(info.path);
    // Without the first hint, a missing symbol would end the process at the first call; without the second,
    // code could go while objects of its classes live.
    loader->setLoadHints(QLibrary::ResolveAllSymbolsHint | QLibrary::PreventUnloadHint);
    const auto instance = guarded(info, "loading it", [&] { return loader->instance(); });
    if (!instance)
        return instance.error();
    if (!*instance)
        return pluginError(info, loader->errorString());
    const auto *factory = qobject_cast<PluginFactory *>(*instance);
    if (!factory)
        return pluginError(
            info, QStringLiteral("does not contain what its metadata says: it has no TIDEMILL_PLUGIN"));
    m_loaded[Key(info.kind, info.id)] = {std::move(loader), factory};
    return {};
}

Result<NodePtr<>> PluginRegistry::create(NodeKind kind, const QString &id)
{
    const PluginInfo *info = find(kind, id);
    const PluginFactory *factory = nullptr;
    {
        const std::lock_guard lock(m_lock);
        if (const auto loaded = m_loaded.find(Key(kind, id)); loaded != m_loaded.end())
            factory = loaded->second.factory;
    }
    if (!info || !factory)
        return Error{Error::Kind::Internal, QStringLiteral("plugin '%1' is not loaded").arg(id)};
    const auto created = guarded(*info, "creating a node", [&] { return factory->create(); });
    if (!created)
        return created.error();
    NodePtr<> node(*created);
    if (!node || !hasKind(node.get(), info->kind))
        return pluginError(*info,
                           QStringLiteral("its metadata says %1, but it makes %2")
                               .arg(nodeKindName(info->kind),
                                    QLatin1String(node ? node->metaObject()->className() : "nothing")));
    return node;
}

QStringList pluginSearchPaths(const QStringList &given)
{
    QStringList paths = given;
    paths += qEnvironmentVariable("TIDEMILL_PLUGIN_PATH").split(QDir::listSeparator(), Qt::SkipEmptyParts);
    const QString beside = QCoreApplication::applicationDirPath() + QLatin1String("/../");
    paths.append(QDir::cleanPath(beside + QLatin1String("lib/tidemill/plugins")));
#ifdef TIDEMILL_INSTALL_LIBDIR // "lib/x86_64-linux-gnu" where a distribution has it so
    paths.append(QDir::cleanPath(beside + QLatin1String(TIDEMILL_INSTALL_LIBDIR "/tidemill/plugins")));
#endif
    paths.removeDuplicates();
    return paths;
}

} // namespace tidemill::host
