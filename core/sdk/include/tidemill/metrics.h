// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/export.h>

#include <QByteArray>
#include <QList>

#include <atomic>
#include <chrono>
#include <span>
#include <utility>

namespace tidemill {

// Handles to the host's metrics. Made once, in start(); used from any thread without a lock; a default-made
// one counts nowhere, so that a node runs the same in a test. The cells belong to the host and live as long
// as the process.

class Counter
{
public:
    Counter() = default;
    explicit Counter(std::atomic<quint64> *cell) : m_cell(cell) {}

    void add(quint64 count = 1) const
    {
        if (m_cell)
            m_cell->fetch_add(count, std::memory_order_relaxed);
    }
    quint64 value() const { return m_cell ? m_cell->load(std::memory_order_relaxed) : 0; }

private:
    std::atomic<quint64> *m_cell = nullptr;
};

class Gauge
{
public:
    Gauge() = default;
    explicit Gauge(std::atomic<double> *cell) : m_cell(cell) {}

    void set(double value) const
    {
        if (m_cell)
            m_cell->store(value, std::memory_order_relaxed);
    }
    double value() const { return m_cell ? m_cell->load(std::memory_order_relaxed) : 0; }

private:
    std::atomic<double> *m_cell = nullptr;
};

// Seconds in buckets.
class TIDEMILL_SDK_EXPORT Histogram
{
public:
    struct Cells
    {
        std::span<const double> bounds;          // upper bounds in seconds, rising, without +Inf
        std::span<std::atomic<quint64>> buckets; // one for each bound and one above
        std::atomic<quint64> *sumNs;
    };

    Histogram() = default;
    explicit Histogram(const Cells *cells) : m_cells(cells) {}

    // Negative times (a peer's clock ahead of ours) count as zero in the sum and fall into the first bucket.
    void observe(std::chrono::nanoseconds duration, quint64 times = 1) const;

private:
    const Cells *m_cells = nullptr;
};

using Labels = QList<std::pair<QByteArray, QByteArray>>;

// Where handles come from. A node gets one that adds its pipeline and node labels by itself.
// Naming: Prometheus' rules, base units, counters end in _total; the set of label values must be bounded.
// Asking twice for the same name and labels gives the same cell. Any thread.
class TIDEMILL_SDK_EXPORT Metrics
{
public:
    virtual ~Metrics();
    virtual Counter counter(const QByteArray &name, const QByteArray &help, const Labels &labels = {}) = 0;
    virtual Gauge gauge(const QByteArray &name, const QByteArray &help, const Labels &labels = {}) = 0;
    // Empty bounds: 5 ms to 10 s, as Prometheus clients have them by default.
    virtual Histogram histogram(const QByteArray &name, const QByteArray &help, const Labels &labels = {},
                                const QList<double> &bounds = {}) = 0;
};

} // namespace tidemill
