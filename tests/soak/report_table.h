// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QList>

#include <cstdio>
#include <utility>

namespace tidemill::testing {

// What a soak has shown, one figure a line.
class ReportTable
{
public:
    void add(const char *name, const QByteArray &value) { m_lines.append({name, value}); }
    void add(const char *name, qint64 value) { add(name, QByteArray::number(value)); }

    void print() const
    {
        std::printf("\n");
        for (const auto &[name, value] : m_lines)
            std::printf("%-50s %12s\n", name, value.constData());
        std::printf("\n");
        std::fflush(stdout);
    }

private:
    QList<std::pair<const char *, QByteArray>> m_lines;
};

} // namespace tidemill::testing
