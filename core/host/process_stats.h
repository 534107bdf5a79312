// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metrics_registry.h"

#include <tidemill/timestamp.h>

#include <QString>

#include <mutex>

namespace tidemill::host {

// What the system says about this process. All zero where there is no /proc.
struct ProcessStats
{
    quint64 residentBytes = 0;
    double cpuSeconds = 0;
    int openFds = 0;
    Timestamp started;
};

ProcessStats processStats();

// Share of the machine's memory that is in use, 0 to 100.
double machineMemoryPercent();

// How busy the machine's processors were, 0 to 100, since the last asking (at first: since this object was
// made). Never waits; asked again within a moment too short to measure, it says the same again. Any thread.
class MachineCpu
{
public:
    MachineCpu();
    double percent();

private:
    struct Ticks
    {
        quint64 busy = 0;
        quint64 all = 0;
    };
    static Ticks read();

    std::mutex m_lock;
    Ticks m_last;
    double m_percent = 0;
};

// process_*, under the names that every Prometheus client has, and tidemill_build_info.
void exportProcessMetrics(MetricsRegistry &metrics, const QString &version);

} // namespace tidemill::host
