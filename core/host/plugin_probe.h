// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QString>
#include <QStringList>

#include <chrono>

namespace tidemill::host {

// Whether a plugin can be loaded without harm: a process of its own loads it, makes a node and lists its
// options. What crashes, hangs or ends the process there is not let into this one. That a plugin came through
// is remembered in the cache folder until its file changes, so that it costs a stat the next time; failures
// are not remembered, for they may have been of the moment. Any thread; several processes may share a cache.
class PluginProbe
{
public:
    struct Settings
    {
        QString program; // this very executable; `arguments` and the path make it call loadAsProbe()
        QStringList arguments;
        QString cacheDirectory; // made on demand; empty: nothing is remembered
        std::chrono::milliseconds limit{10'000};
    };

    explicit PluginProbe(const Settings &settings) : m_settings(settings) {}

    // The error says what became of the process that loaded it. Where no process can be started (a sandbox
    // may forbid it), that is logged and the plugin passes: without a probe a host is as good as ever.
    Result<> operator()(const QString &path) const;

private:
    QString cacheEntry(const QString &path) const;
    void remember(const QString &entry) const;
    // False: no process could be started.
    Result<bool> loadElsewhere(const QString &path) const;

    Settings m_settings;
};

// The other side: loads the plugin and ends the process, with the code that PluginProbe takes for "came
// through". What fails in an orderly way comes through: whoever loads it then says so better.
[[noreturn]] void loadAsProbe(const QString &path);

} // namespace tidemill::host
