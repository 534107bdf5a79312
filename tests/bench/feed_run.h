// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blaster.h"
#include "product.h"
#include "usage.h"

namespace tidemill::bench {

inline QVariantMap binanceOptions(const Blaster &blaster, const QStringList &symbols, const char *stream)
{
    return {{"symbols", symbols},
            {"streams", QStringList{QLatin1String(stream)}},
            {"url", blaster.url()},
            {"rest_url", blaster.restUrl()},
            {"ca_file", blaster.caFile()}};
}

// CPU and time from now on.
class Span
{
public:
    Figures perFrame(qint64 frames) const
    {
        const double cpu = double(processCpuNs() - m_cpu);
        const double wall = double(wallNs() - m_wall);
        return {{"", cpu / double(frames)},
                {"rate", double(frames) * 1000 / wall},
                {"memory", memoryMb("VmHWM")}};
    }

private:
    qint64 m_wall = wallNs();
    qint64 m_cpu = processCpuNs();
};

} // namespace tidemill::bench
