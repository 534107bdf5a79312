// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/node.h>
#include <tidemill/records.h>

#include <QLoggingCategory>
#include <QtPlugin>

namespace tidemill {

// What the host asks a loaded library for. TIDEMILL_PLUGIN implements it; the number at the end of the
// interface's name is the generation of the ABI, compared before the library is loaded.
class TIDEMILL_SDK_EXPORT PluginFactory
{
public:
    virtual ~PluginFactory();
    virtual Node *create() const = 0;
};

} // namespace tidemill

#define TIDEMILL_PLUGIN_IID "org.tidemill.Plugin/1"
Q_DECLARE_INTERFACE(tidemill::PluginFactory, TIDEMILL_PLUGIN_IID)

// TIDEMILL_PLUGIN(MinNotional, "min_notional.json") at the end of the plugin's source, before #include
// "min_notional.moc".
#define TIDEMILL_PLUGIN(Class, metadata)                                          \
    class Class##Factory final : public QObject, public ::tidemill::PluginFactory \
    {                                                                             \
        Q_OBJECT                                                                  \
        Q_PLUGIN_METADATA(IID "org.tidemill.Plugin/1" FILE metadata)              \
        Q_INTERFACES(tidemill::PluginFactory)                                     \
                                                                                  \
    public:                                                                       \
        ::tidemill::Node *create() const override { return new Class; }           \
    };
