// SPDX-License-Identifier: Apache-2.0
#include <QObject>
#include <QtPlugin>

// A Qt plugin of somebody else.
class Foreign final : public QObject
{
    Q_OBJECT
    Q_PLUGIN_METADATA(IID "com.example.Other/1" FILE "transform.json")
};

#include "foreign.moc"
