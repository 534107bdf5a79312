// SPDX-License-Identifier: Apache-2.0
#include "metrics_registry.h"

#include "metrics_text.h"

#include <QLoggingCategory>

#include <algorithm>
#include <cmath>
#include <span>

Q_LOGGING_CATEGORY(lcMetrics, "tidemill.host.metrics")

namespace tidemill::host {

// A label that takes its values from a feed must not fill the memory, nor the monitoring.
static constexpr std::size_t maxLabelSets = 20'000;

// Those of the Python client, finer than others' defaults: dashboards of a replaced system ask for them by
// value.
static const QList<double> defaultBounds{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                         0.5,   0.75, 1,     2.5,  5,     7.5, 10};

struct MetricsRegistry::Cell
{
    Labels labels;
    QByteArray labelText; // as printed, without braces
    std::atomic<quint64> count{0};
    std::atomic<double> value{0};
    std::atomic<quint64> sumNs{0};
    std::vector<std::atomic<quint64>> buckets;
    Histogram::Cells histogram;
};

struct MetricsRegistry::Family
{
    Type type;
    QByteArray help;
    std::vector<double> bounds;
    std::map<QByteArray, std::unique_ptr<Cell>>
        cells; // by sorted labels, so that their order does not matter
};

static QByteArray exposedName(const QByteArray &name, bool isCounter)
{
    return isCounter && !name.endsWith("_total") ? name + "_total" : name;
}

static Labels withoutRepeats(const Labels &labels)
{
    Labels result;
    for (const auto &label : labels) {
        const auto sameName = [&label](const auto &other) { return other.first == label.first; };
        if (std::none_of(result.cbegin(), result.cend(), sameName))
            result.append(label);
    }
    return result;
}

static std::vector<double> usableBounds(const QList<double> &asked)
{
    const QList<double> &bounds = asked.isEmpty() ? defaultBounds : asked;
    std::vector<double> result;
    std::copy_if(bounds.cbegin(), bounds.cend(), std::back_inserter(result),
                 [](double bound) { return std::isfinite(bound); });
    std::sort(result.begin(), result.end());
    result.erase(std::unique(result.begin(), result.end()), result.end());
    return result;
}

MetricsRegistry::MetricsRegistry() = default;
MetricsRegistry::~MetricsRegistry() = default;

void MetricsRegistry::complain(const QByteArray &name, const QString &why)
{
    if (m_complained.insert(name).second)
        qCCritical(lcMetrics, "metric %s: %s; it is not counted", name.constData(), qUtf8Printable(why));
}

MetricsRegistry::Cell *MetricsRegistry::cell(Type type, const QByteArray &name, const QByteArray &help,
                                             const Labels &givenLabels, const QList<double> &bounds)
{
    const Labels labels = withoutRepeats(givenLabels);
    const std::lock_guard lock(m_lock);
    if (!isMetricName(name)) {
        complain(name, QStringLiteral("expected letters, digits, '_' and ':', not beginning with a digit"));
        return nullptr;
    }
    for (const auto &label : labels) {
        if (!isLabelName(label.first) || (type == Type::Histogram && label.first == "le")) {
            complain(name, QStringLiteral("no label can be named '%1'").arg(QString::fromUtf8(label.first)));
            return nullptr;
        }
    }

    std::unique_ptr<Family> &family = m_families[name];
    if (!family)
        family.reset(new Family{type, help, usableBounds(bounds), {}});
    if (family->type != type) {
        complain(name, QStringLiteral("used with two types, the first one is kept"));
        return nullptr;
    }

    Labels sorted = labels;
    std::sort(sorted.begin(), sorted.end());
    const QByteArray key = labelText(sorted);
    const auto found = family->cells.find(key);
    if (found != family->cells.end())
        return found->second.get();
    if (family->cells.size() >= maxLabelSets) {
        complain(name, QStringLiteral("more than %1 sets of label values").arg(maxLabelSets));
        return nullptr;
    }

    auto made = std::make_unique<Cell>();
    made->labels = labels;
    made->labelText = labelText(labels);
    if (type == Type::Histogram) {
        made->buckets = std::vector<std::atomic<quint64>>(family->bounds.size() + 1);
        made->histogram = {family->bounds, made->buckets, &made->sumNs};
    }
    return family->cells.emplace(key, std::move(made)).first->second.get();
}

Counter MetricsRegistry::counter(const QByteArray &name, const QByteArray &help, const Labels &labels)
{
    Cell *made = cell(Type::Counter, exposedName(name, true), help, labels);
    return made ? Counter(&made->count) : Counter();
}

Gauge MetricsRegistry::realCounter(const QByteArray &name, const QByteArray &help, const Labels &labels)
{
    Cell *made = cell(Type::RealCounter, exposedName(name, true), help, labels);
    return made ? Gauge(&made->value) : Gauge();
}

Gauge MetricsRegistry::gauge(const QByteArray &name, const QByteArray &help, const Labels &labels)
{
    Cell *made = cell(Type::Gauge, name, help, labels);
    return made ? Gauge(&made->value) : Gauge();
}

Histogram MetricsRegistry::histogram(const QByteArray &name, const QByteArray &help, const Labels &labels,
                                     const QList<double> &bounds)
{
    Cell *made = cell(Type::Histogram, name, help, labels, bounds);
    return made ? Histogram(&made->histogram) : Histogram();
}

void MetricsRegistry::addCollector(std::function<void()> collector)
{
    const std::lock_guard lock(m_lock);
    m_collectors.push_back(std::move(collector));
}

// A gauge x_created beside a counter x_total or a histogram x is how the text format tells when these began.
// In OpenMetrics the name belongs to their family, so a gauge of that name would be a clash there.
bool MetricsRegistry::isCreationTime(const QByteArray &name, const Family &family) const
{
    constexpr QByteArrayView end = "_created";
    if (family.type != Type::Gauge || !name.endsWith(end))
        return false;
    const QByteArray base = name.chopped(end.size());
    return m_families.contains(base) || m_families.contains(base + "_total");
}

QByteArray MetricsRegistry::print(bool openMetrics) const
{
    std::vector<std::function<void()>> collectors;
    {
        const std::lock_guard lock(m_lock);
        collectors = m_collectors;
    }
    // Without the lock: a collector may well ask for a handle.
    for (const auto &collect : collectors)
        collect();

    const std::lock_guard lock(m_lock);
    MetricsPage page(openMetrics);
    for (const auto &[name, family] : m_families) {
        if (openMetrics && isCreationTime(name, *family))
            continue;
        switch (family->type) {
        case Type::Counter:
        case Type::RealCounter:
            page.beginFamily(name, "counter", family->help);
            break;
        case Type::Gauge:
            page.beginFamily(name, "gauge", family->help);
            break;
        case Type::Histogram:
            page.beginFamily(name, "histogram", family->help);
            break;
        }
        for (const auto &[key, cell] : family->cells) {
            if (family->type == Type::Counter)
                page.addSample(name, cell->labelText, cell->count.load(std::memory_order_relaxed));
            else if (family->type == Type::Histogram)
                page.addHistogram(name, cell->labelText, cell->histogram);
            else
                page.addSample(name, cell->labelText, cell->value.load(std::memory_order_relaxed));
        }
    }
    return page.finish();
}

std::vector<const MetricsRegistry::Cell *> MetricsRegistry::cellsHaving(Type type, const QByteArray &name,
                                                                        const Labels &having) const
{
    std::vector<const Cell *> result;
    const auto family = m_families.find(name);
    if (family == m_families.end() || family->second->type != type)
        return result;
    for (const auto &[key, cell] : family->second->cells) {
        const auto has = [&cell = *cell](const auto &label) { return cell.labels.contains(label); };
        if (std::all_of(having.cbegin(), having.cend(), has))
            result.push_back(cell.get());
    }
    return result;
}

quint64 MetricsRegistry::counterTotal(const QByteArray &name, const Labels &having) const
{
    const std::lock_guard lock(m_lock);
    quint64 total = 0;
    for (const Cell *cell : cellsHaving(Type::Counter, exposedName(name, true), having))
        total += cell->count.load(std::memory_order_relaxed);
    return total;
}

MetricsRegistry::HistogramTotal MetricsRegistry::histogramTotal(const QByteArray &name,
                                                                const Labels &having) const
{
    const std::lock_guard lock(m_lock);
    HistogramTotal total;
    for (const Cell *cell : cellsHaving(Type::Histogram, name, having)) {
        for (const auto &bucket : cell->buckets)
            total.count += bucket.load(std::memory_order_relaxed);
        total.sum += std::chrono::nanoseconds(cell->sumNs.load(std::memory_order_relaxed));
    }
    return total;
}

// The scope's labels come first, so they are the ones that count: no plugin can pass itself off as another
// node.
Counter ScopedMetrics::counter(const QByteArray &name, const QByteArray &help, const Labels &labels)
{
    return m_registry.counter(name, help, m_labels + labels);
}

Gauge ScopedMetrics::gauge(const QByteArray &name, const QByteArray &help, const Labels &labels)
{
    return m_registry.gauge(name, help, m_labels + labels);
}

Histogram ScopedMetrics::histogram(const QByteArray &name, const QByteArray &help, const Labels &labels,
                                   const QList<double> &bounds)
{
    return m_registry.histogram(name, help, m_labels + labels, bounds);
}

} // namespace tidemill::host
