// SPDX-License-Identifier: Apache-2.0
#include <QObject>
#include <QtPlugin>

// Built for an earlier generation of the SDK.
class OldGeneration final : public QObject
{
    Q_OBJECT
    Q_PLUGIN_METADATA(IID "org.tidemill.Plugin/0" FILE "transform.json")
};

#include "old_generation.moc"
