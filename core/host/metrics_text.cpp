// SPDX-License-Identifier: Apache-2.0
#include "metrics_text.h"

#include <QLocale>
#include <QString>

#include <cmath>

namespace tidemill::host {

static bool isLetter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

bool isMetricName(QByteArrayView name)
{
    if (name.isEmpty() || isDigit(name.front()))
        return false;
    for (const char c : name) {
        if (!isLetter(c) && !isDigit(c) && c != ':')
            return false;
    }
    return true;
}

bool isLabelName(QByteArrayView name)
{
    return isMetricName(name) && !name.contains(':') && !name.startsWith("__");
}

static void appendEscaped(QByteArray &out, const QByteArray &text, bool quotes)
{
    // There and back puts U+FFFD for what is not UTF-8; one bad byte would cost the whole page.
    for (const char c : QString::fromUtf8(text).toUtf8()) {
        if (c == '\\')
            out += "\\\\";
        else if (c == '\n')
            out += "\\n";
        else if (c == '"' && quotes)
            out += "\\\"";
        else
            out += c;
    }
}

QByteArray labelText(const Labels &labels)
{
    QByteArray text;
    for (const auto &[name, value] : labels) {
        if (!text.isEmpty())
            text += ',';
        text += name + "=\"";
        appendEscaped(text, value, true);
        text += '"';
    }
    return text;
}

static void appendNumber(QByteArray &out, double value)
{
    constexpr double exactlyWhole = 1e15;
    if (std::isnan(value))
        out += "NaN";
    else if (std::isinf(value))
        out += value > 0 ? "+Inf" : "-Inf";
    else if (value == std::floor(value) && std::abs(value) < exactlyWhole)
        out += QByteArray::number(qint64(value));
    else
        out += QByteArray::number(value, 'g', QLocale::FloatingPointShortest);
}

static void appendSeconds(QByteArray &out, quint64 ns)
{
    constexpr quint64 second = 1'000'000'000;
    out += QByteArray::number(ns / second);
    if (ns % second == 0)
        return;
    QByteArray fraction = QByteArray::number(ns % second).rightJustified(9, '0');
    while (fraction.endsWith('0'))
        fraction.chop(1);
    out += '.' + fraction;
}

// "1.0" and not "1": OpenMetrics asks for it, the Python client always wrote it, and it is part of the
// series' name.
static QByteArray boundText(double bound)
{
    QByteArray text;
    appendNumber(text, bound);
    if (!text.contains('.') && !text.contains('e'))
        text += ".0";
    return text;
}

void MetricsPage::beginFamily(const QByteArray &name, QByteArrayView type, const QByteArray &help)
{
    QByteArray family = name;
    if (m_openMetrics && type == QByteArrayView("counter"))
        family.chop(QByteArrayView("_total").size());
    m_text += "# HELP " + family + ' ';
    appendEscaped(m_text, help, m_openMetrics);
    m_text += "\n# TYPE " + family + ' ';
    m_text += type;
    m_text += '\n';
}

void MetricsPage::appendSeries(const QByteArray &name, QByteArrayView suffix, const QByteArray &labels)
{
    m_text += name;
    m_text += suffix;
    if (!labels.isEmpty())
        m_text += '{' + labels + '}';
    m_text += ' ';
}

void MetricsPage::addSample(const QByteArray &name, const QByteArray &labels, quint64 value)
{
    appendSeries(name, {}, labels);
    m_text += QByteArray::number(value) + '\n';
}

void MetricsPage::addSample(const QByteArray &name, const QByteArray &labels, double value)
{
    appendSeries(name, {}, labels);
    appendNumber(m_text, value);
    m_text += '\n';
}

void MetricsPage::addHistogram(const QByteArray &name, const QByteArray &labels,
                               const Histogram::Cells &cells)
{
    // The sum first: read behind the buckets it could hold observations that the count does not.
    const quint64 sumNs = cells.sumNs->load(std::memory_order_relaxed);
    quint64 count = 0;
    for (std::size_t i = 0; i < cells.buckets.size(); ++i) {
        count += cells.buckets[i].load(std::memory_order_relaxed);
        const QByteArray bound = i < cells.bounds.size() ? boundText(cells.bounds[i]) : "+Inf";
        appendSeries(name, "_bucket", labels + (labels.isEmpty() ? "le=\"" : ",le=\"") + bound + '"');
        m_text += QByteArray::number(count) + '\n';
    }
    appendSeries(name, "_sum", labels);
    appendSeconds(m_text, sumNs);
    m_text += '\n';
    appendSeries(name, "_count", labels);
    m_text += QByteArray::number(count) + '\n';
}

QByteArray MetricsPage::finish()
{
    if (m_openMetrics)
        m_text += "# EOF\n";
    return std::move(m_text);
}

} // namespace tidemill::host
