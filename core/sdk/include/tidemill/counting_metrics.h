// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/metrics.h>

#include <atomic>
#include <map>

namespace tidemill::testing {

// For tests: counters by name and labels, as in "tidemill_dropped_total late". Give it to a node as
// NodeContext::metrics; it must outlive that.
class CountingMetrics final : public Metrics
{
public:
    Counter counter(const QByteArray &name, const QByteArray &, const Labels &labels) override
    {
        QByteArray key = name;
        for (const auto &label : labels)
            key += ' ' + label.second;
        return Counter(&m_cells[key]);
    }
    Gauge gauge(const QByteArray &, const QByteArray &, const Labels &) override { return {}; }
    Histogram histogram(const QByteArray &, const QByteArray &, const Labels &,
                        const QList<double> &) override
    {
        return {};
    }

    quint64 operator[](const char *key) { return m_cells[QByteArray(key)]; }

private:
    std::map<QByteArray, std::atomic<quint64>> m_cells;
};

} // namespace tidemill::testing
