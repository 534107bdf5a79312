// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/metrics.h>

#include <QByteArray>

namespace tidemill::host {

// How metrics are written: Prometheus' text format 0.0.4 and OpenMetrics 1.0, which differ in little.

bool isMetricName(QByteArrayView name);
// Names with two underscores in front are Prometheus' own.
bool isLabelName(QByteArrayView name);
// name="value",name="value" with the values escaped and made UTF-8 where they are none.
QByteArray labelText(const Labels &labels);

class MetricsPage
{
public:
    explicit MetricsPage(bool openMetrics) : m_openMetrics(openMetrics) {}

    // Once for a name, before its samples. `type` is the format's word: counter, gauge or histogram.
    void beginFamily(const QByteArray &name, QByteArrayView type, const QByteArray &help);
    void addSample(const QByteArray &name, const QByteArray &labels, quint64 value);
    void addSample(const QByteArray &name, const QByteArray &labels, double value);
    void addHistogram(const QByteArray &name, const QByteArray &labels, const Histogram::Cells &cells);

    QByteArray finish();

private:
    void appendSeries(const QByteArray &name, QByteArrayView suffix, const QByteArray &labels);

    bool m_openMetrics;
    QByteArray m_text;
};

} // namespace tidemill::host
