// SPDX-License-Identifier: Apache-2.0
#include "pipeline_file.h"
#include "text_lines.h"

#include <algorithm>
#include <tuple>

namespace tidemill::host {

namespace {

constexpr int maxPrinted = 100;
constexpr qsizetype maxWidth = 160;

// A file must not be able to send commands to the terminal it is shown on.
QString printable(QString text)
{
    for (QChar &c : text) {
        if (c.category() == QChar::Other_Control && c != QLatin1Char('\t'))
            c = QChar::ReplacementCharacter;
    }
    return text;
}

QString head(const Diagnostic &diagnostic)
{
    QString where = diagnostic.file;
    if (diagnostic.place.line > 0)
        where += QLatin1Char(':') + QString::number(diagnostic.place.line);
    if (diagnostic.place.line > 0 && diagnostic.place.column > 0)
        where += QLatin1Char(':') + QString::number(diagnostic.place.column);
    QString text = where + QLatin1String(": error: ") + diagnostic.message;
    if (!diagnostic.suggestion.isEmpty())
        text += QLatin1String("; did you mean '") + diagnostic.suggestion + QLatin1String("'?");
    return printable(text) + QLatin1Char('\n');
}

// The line and a caret under the column; of a long line the part around it.
QString excerpt(const TextLines &lines, Place place)
{
    if (place.column < 1 || place.line < 1 || place.line > lines.count())
        return {};
    const QByteArrayView bytes = lines.line(place.line);
    // By code points, as columns count.
    QList<uint> line = QString::fromUtf8(bytes).toUcs4();
    if (!line.isEmpty() && line.first() == QChar::ByteOrderMark)
        line.removeFirst();
    qsizetype caret = std::min<qsizetype>(place.column - 1, line.size());
    QString before;
    if (caret > maxWidth / 2) {
        const qsizetype cut = caret - maxWidth / 2;
        line.remove(0, cut);
        caret -= cut;
        before = QStringLiteral("...");
    }
    const bool isCut = line.size() > maxWidth;
    line.resize(std::min(line.size(), maxWidth));
    const auto toText = [](const uint *data, qsizetype size) {
        return QString::fromUcs4(reinterpret_cast<const char32_t *>(data), size);
    };
    QString under = QString(before.size(), QLatin1Char(' ')); // with the line's tabs, to stay in step
    for (qsizetype i = 0; i < caret; ++i)
        under += line[i] == '\t' ? QLatin1Char('\t') : QLatin1Char(' ');
    return QStringLiteral("    ") + before + printable(toText(line.constData(), line.size())) +
           (isCut ? QStringLiteral("...") : QString()) + QStringLiteral("\n    ") + under +
           QStringLiteral("^\n");
}

} // namespace

QString formatDiagnostics(const QList<Diagnostic> &diagnostics, const QByteArray &text)
{
    if (diagnostics.isEmpty())
        return {};
    const TextLines lines(text);
    QString result;
    for (const Diagnostic &diagnostic :
         diagnostics.first(std::min<qsizetype>(diagnostics.size(), maxPrinted)))
        result += head(diagnostic) + excerpt(lines, diagnostic.place);
    result += diagnostics.size() == 1 ? QStringLiteral("1 error")
                                      : QStringLiteral("%1 errors").arg(diagnostics.size());
    if (diagnostics.size() > maxPrinted)
        result += QStringLiteral(", the first %1 shown").arg(maxPrinted);
    return result + QLatin1Char('\n');
}

void sortDiagnostics(QList<Diagnostic> &diagnostics)
{
    const auto key = [](const Diagnostic &d) {
        return std::tuple(d.place.column > 0, d.place.line, d.place.column);
    };
    std::stable_sort(diagnostics.begin(), diagnostics.end(),
                     [&](const Diagnostic &a, const Diagnostic &b) { return key(a) < key(b); });
}

} // namespace tidemill::host
