// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QObject>

class QSocketNotifier;

namespace tidemill::host {
class Watchdog;
}

namespace tidemill::app {

// Turns SIGINT and SIGTERM into a Qt signal in the main thread. A second one ends the process at once,
// whatever the event loop is doing. One per process.
class ShutdownSignals : public QObject
{
    Q_OBJECT

public:
    explicit ShutdownSignals(QObject *parent = nullptr);
    ~ShutdownSignals() override;

    // Told of the first signal within its handler, even if the main thread never comes to hear of it.
    static void setWatchdog(const host::Watchdog *watchdog);

Q_SIGNALS:
    void received();

private:
    QSocketNotifier *m_notifier = nullptr;
};

} // namespace tidemill::app
