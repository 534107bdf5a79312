// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QFile>

#include <ctime>

namespace tidemill::bench {

inline qint64 clockNs(clockid_t clock)
{
    timespec time{};
    clock_gettime(clock, &time);
    return qint64(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

inline qint64 wallNs()
{
    return clockNs(CLOCK_MONOTONIC);
}

// User and kernel time of all threads of this process, of no child.
inline qint64 processCpuNs()
{
    return clockNs(CLOCK_PROCESS_CPUTIME_ID);
}

inline qint64 threadCpuNs()
{
    return clockNs(CLOCK_THREAD_CPUTIME_ID);
}

// A line of /proc/PID/status in MB: "VmRSS", or "VmHWM" for the most there ever was. 0 if there is none.
inline double memoryMb(const QByteArray &line, const QByteArray &process = "self")
{
    QFile file(QStringLiteral("/proc/%1/status").arg(QString::fromLatin1(process)));
    if (!file.open(QIODevice::ReadOnly))
        return 0;
    const QByteArray status = file.readAll();
    const qsizetype at = status.indexOf('\n' + line + ':');
    if (at < 0)
        return 0;
    return status.mid(at + line.size() + 2, 32).trimmed().split(' ').first().toDouble() / 1024;
}

} // namespace tidemill::bench
