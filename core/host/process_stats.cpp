// SPDX-License-Identifier: Apache-2.0
#include "process_stats.h"

#include <QByteArray>
#include <QDir>
#include <QFile>

#include <algorithm>

#ifdef Q_OS_LINUX
#include <unistd.h>
#endif

namespace tidemill::host {

#ifdef Q_OS_LINUX

static QByteArray readAll(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

// The fields of /proc/self/stat from the third on. The second is the program's name, which may hold anything.
static QList<QByteArray> statFields()
{
    const QByteArray stat = readAll(QStringLiteral("/proc/self/stat"));
    return stat.mid(stat.lastIndexOf(')') + 2).split(' ');
}

// The number behind `key` in a file of lines "key: number unit" or "key number".
static quint64 numberAfter(const QByteArray &text, const QByteArray &key)
{
    for (const QByteArray &line : text.split('\n')) {
        if (line.startsWith(key))
            return line.mid(key.size()).simplified().split(' ').first().toULongLong();
    }
    return 0;
}

ProcessStats processStats()
{
    // Places in statFields(), which lacks the first two of proc(5).
    constexpr int userTicks = 14 - 3;
    constexpr int systemTicks = 15 - 3;
    constexpr int startTicks = 22 - 3;

    ProcessStats stats;
    const QList<QByteArray> pages = readAll(QStringLiteral("/proc/self/statm")).split(' ');
    stats.residentBytes = pages.value(1).toULongLong() * quint64(sysconf(_SC_PAGESIZE));

    const auto ticksPerSecond = double(sysconf(_SC_CLK_TCK));
    const QList<QByteArray> fields = statFields();
    stats.cpuSeconds =
        double(fields.value(userTicks).toULongLong() + fields.value(systemTicks).toULongLong()) /
        ticksPerSecond;

    const quint64 bootSeconds = numberAfter(readAll(QStringLiteral("/proc/stat")), "btime ");
    const double sinceBoot = double(fields.value(startTicks).toULongLong()) / ticksPerSecond;
    stats.started = Timestamp::fromMilliseconds(qint64(bootSeconds) * 1'000 + qint64(sinceBoot * 1'000));

    // One of them is that of the folder being read.
    const QDir fds(QStringLiteral("/proc/self/fd"));
    const auto entries = fds.entryList(QDir::AllEntries | QDir::System | QDir::NoDotAndDotDot).size();
    stats.openFds = int(std::max<qsizetype>(entries - 1, 0));
    return stats;
}

double machineMemoryPercent()
{
    const QByteArray memory = readAll(QStringLiteral("/proc/meminfo"));
    const auto total = double(numberAfter(memory, "MemTotal:"));
    const auto available = double(numberAfter(memory, "MemAvailable:"));
    return total > 0 ? (total - available) / total * 100 : 0;
}

MachineCpu::Ticks MachineCpu::read()
{
    // "cpu  user nice system idle iowait irq softirq steal guest guest_nice"; guests are in user and nice
    // already.
    constexpr int idle = 3;
    constexpr int ioWait = 4;
    constexpr int fieldCount = 8;

    const QByteArray text = readAll(QStringLiteral("/proc/stat"));
    const QList<QByteArray> fields = text.left(text.indexOf('\n')).simplified().split(' ').mid(1);
    Ticks ticks;
    for (int i = 0; i < std::min<qsizetype>(fields.size(), fieldCount); ++i) {
        const quint64 count = fields[i].toULongLong();
        ticks.all += count;
        if (i != idle && i != ioWait)
            ticks.busy += count;
    }
    return ticks;
}

#else

ProcessStats processStats()
{
    return {};
}

double machineMemoryPercent()
{
    return 0;
}

MachineCpu::Ticks MachineCpu::read()
{
    return {};
}

#endif

MachineCpu::MachineCpu() : m_last(read()) {}

double MachineCpu::percent()
{
    const std::lock_guard lock(m_lock);
    const Ticks now = read();
    // Counters of single states have been seen to step back on virtual machines.
    if (now.all > m_last.all && now.busy >= m_last.busy) {
        m_percent = double(now.busy - m_last.busy) / double(now.all - m_last.all) * 100;
        m_last = now;
    }
    return m_percent;
}

void exportProcessMetrics(MetricsRegistry &metrics, const QString &version)
{
    metrics
        .gauge("tidemill_build_info", "Always 1; the labels say what is running.",
               {{"version", version.toUtf8()}, {"qt", qVersion()}})
        .set(1);

    const Gauge resident = metrics.gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
    const Gauge fds = metrics.gauge("process_open_fds", "Number of open file descriptors.");
    const Gauge cpu =
        metrics.realCounter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
    metrics.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.")
        .set(double(processStats().started.ns) / 1e9);
    metrics.addCollector([resident, fds, cpu] {
        const ProcessStats stats = processStats();
        resident.set(double(stats.residentBytes));
        fds.set(stats.openFds);
        cpu.set(stats.cpuSeconds);
    });
}

} // namespace tidemill::host
