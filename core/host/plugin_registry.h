// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline_file.h"

#include <tidemill/node.h>

#include <QJsonArray>
#include <QStringList>

#include <functional>
#include <map>
#include <memory>
#include <mutex>

class QPluginLoader;

namespace tidemill {
class PluginFactory;
}

namespace tidemill::host {

// What a plugin's metadata says about it, read without loading the library.
struct PluginInfo
{
    QString id;   // the file's base name
    QString path; // absolute
    NodeKind kind = NodeKind::Source;
    QString summary;
    QString stability;
    QStringList accepts; // record types a transform or sink takes; "*" for any
    QStringList emits;   // record types a source or transform makes; "*" for what it takes or anything
    bool ownThread = false;
    QString error; // why it cannot be used; empty if it can
};

// Finds plugins (folders sources/, transforms/, sinks/ under each search path), reads their metadata, refuses
// what does not fit, loads on demand and never unloads. A plugin is known by its kind and its id; one found
// first hides another of both in a later path. Main thread only, but create() may be called from a node's
// thread once load() has succeeded.
class PluginRegistry
{
public:
    // Asked before a library is loaded, with its path; the error says why it must not be.
    using Probe = std::function<Result<>(const QString &path)>;

    explicit PluginRegistry(const QStringList &searchPaths, Probe probe = {});
    ~PluginRegistry();
    Q_DISABLE_COPY_MOVE(PluginRegistry)

    // All plugins found, also those that cannot be used, by kind and id.
    const QList<PluginInfo> &plugins() const { return m_plugins; }
    const PluginInfo *find(NodeKind kind, const QString &id) const;
    // Of whatever kind, for a word about what may have been meant.
    const PluginInfo *findAny(const QString &id) const;

    // Loads the library if that has not been done yet, after asking the probe; what failed once is not tried
    // again. The error says which file and why.
    Result<> load(NodeKind kind, const QString &id);
    // A new node of a loaded plugin, without a thread of its own yet. The error says what was wrong with what
    // the plugin made, also when it threw.
    Result<NodePtr<>> create(NodeKind kind, const QString &id);

    // What only the plugins know: that types exist and have the right kind, that options and their values
    // fit, that nodes can take the record types they are wired to. Loads the plugins that the pipeline names.
    // Secrets are masked.
    QList<Diagnostic> check(const PipelineDescription &pipeline);

    // For `tidemill plugins --json`: everything about all plugins (or those of one id), options included, in
    // a fixed order.
    QJsonArray describe(const QString &id = {});

private:
    struct Loaded
    {
        std::unique_ptr<QPluginLoader> loader;
        const PluginFactory *factory = nullptr;
    };

    using Key = std::pair<NodeKind, QString>;

    void scan(const QString &searchPath);
    Result<> loadLibrary(const PluginInfo &info);

    Probe m_probe;
    QList<PluginInfo> m_plugins;
    std::mutex m_lock; // create() comes from other threads
    std::map<Key, Loaded> m_loaded;
    std::map<Key, Error> m_failed;
};

// What a file says about itself as a plugin of that kind, without running any of its code.
PluginInfo readPluginInfo(const QString &path, NodeKind kind);

// Everything wrong with a file, in its order: what was found when it was read and, as far as it could be
// read, what the plugins say.
QList<Diagnostic> checkPipelineFile(const PipelineFile &file, PluginRegistry &registry);

// Where plugins are looked for: those given, then TIDEMILL_PLUGIN_PATH, then beside the executable (build
// tree and installation look alike).
QStringList pluginSearchPaths(const QStringList &given);

} // namespace tidemill::host
