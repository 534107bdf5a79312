// SPDX-License-Identifier: Apache-2.0
#include <tidemill/metrics.h>

#include <algorithm>

namespace tidemill {

Metrics::~Metrics() = default;

void Histogram::observe(std::chrono::nanoseconds duration, quint64 times) const
{
    if (!m_cells)
        return;
    const double seconds = std::chrono::duration<double>(duration).count();
    const auto bucket = std::lower_bound(m_cells->bounds.begin(), m_cells->bounds.end(), seconds);
    m_cells->buckets[std::size_t(bucket - m_cells->bounds.begin())].fetch_add(times,
                                                                              std::memory_order_relaxed);
    m_cells->sumNs->fetch_add(quint64(std::max<qint64>(duration.count(), 0)) * times,
                              std::memory_order_relaxed);
}

} // namespace tidemill
