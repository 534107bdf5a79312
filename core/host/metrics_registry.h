// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/metrics.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace tidemill::host {

// Owns every metric's cells for the life of the process and prints them. Making handles and printing take a
// lock; using a handle takes none. All functions: any thread. A counter whose name does not end in _total
// gets that end. Of two labels of one name the first counts. A metric that cannot be printed (a bad name, a
// name with two types) is said once in the log, and its handle counts nowhere.
class MetricsRegistry final : public Metrics
{
public:
    MetricsRegistry();
    ~MetricsRegistry() override;

    Counter counter(const QByteArray &name, const QByteArray &help, const Labels &labels = {}) override;
    Gauge gauge(const QByteArray &name, const QByteArray &help, const Labels &labels = {}) override;
    Histogram histogram(const QByteArray &name, const QByteArray &help, const Labels &labels = {},
                        const QList<double> &bounds = {}) override;

    // A counter that somebody else keeps and that has a fraction (CPU seconds): it is set to its total.
    Gauge realCounter(const QByteArray &name, const QByteArray &help, const Labels &labels = {});

    // Called just before printing, on the printing thread and without the lock, to bring gauges up to date
    // that nobody sets by himself (memory, queue lengths). Stays for good, so what it looks at must too (or
    // be held by it).
    void addCollector(std::function<void()> collector);

    // Prometheus text format 0.0.4; with `openMetrics` the OpenMetrics 1.0 form.
    QByteArray print(bool openMetrics = false) const;

    // Sum over all label sets that have these labels; 0 if there is none.
    quint64 counterTotal(const QByteArray &name, const Labels &having = {}) const;

    // The same for a histogram: how often and how long in all.
    struct HistogramTotal
    {
        quint64 count = 0;
        std::chrono::nanoseconds sum{0};
    };
    HistogramTotal histogramTotal(const QByteArray &name, const Labels &having = {}) const;

private:
    enum class Type { Counter, RealCounter, Gauge, Histogram };
    struct Cell;
    struct Family;

    // nullptr, said once in the log, if the metric cannot be printed.
    Cell *cell(Type type, const QByteArray &name, const QByteArray &help, const Labels &labels,
               const QList<double> &bounds = {});
    void complain(const QByteArray &name, const QString &why);
    std::vector<const Cell *> cellsHaving(Type type, const QByteArray &name, const Labels &having) const;
    bool isCreationTime(const QByteArray &name, const Family &family) const;

    mutable std::mutex m_lock;
    std::map<QByteArray, std::unique_ptr<Family>> m_families;
    std::vector<std::function<void()>> m_collectors;
    std::set<QByteArray> m_complained;
};

// The view a node has of the registry: adds its pipeline and node labels.
class ScopedMetrics final : public Metrics
{
public:
    ScopedMetrics(Metrics &registry, const Labels &labels) : m_registry(registry), m_labels(labels) {}

    Counter counter(const QByteArray &name, const QByteArray &help, const Labels &labels = {}) override;
    Gauge gauge(const QByteArray &name, const QByteArray &help, const Labels &labels = {}) override;
    Histogram histogram(const QByteArray &name, const QByteArray &help, const Labels &labels = {},
                        const QList<double> &bounds = {}) override;

private:
    Metrics &m_registry;
    Labels m_labels;
};

} // namespace tidemill::host
