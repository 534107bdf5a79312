// SPDX-License-Identifier: Apache-2.0
#include <QObject>
#include <QtPlugin>

// Says the right thing in its metadata and does not do it.
class NoFactory final : public QObject
{
    Q_OBJECT
    Q_PLUGIN_METADATA(IID "org.tidemill.Plugin/1" FILE "transform.json")
};

#include "no_factory.moc"
