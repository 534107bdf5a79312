// SPDX-License-Identifier: Apache-2.0
#include "text_lines.h"
#include "yaml_text.h"

namespace tidemill::host {

namespace {

constexpr int maxProblems = 100; // a file that is no text at all must not print a book
// Places are counted from the start of their line, so that a file of one endless line would take for ever.
constexpr qsizetype maxLineBytes = 65'536;

struct Finding
{
    qsizetype at = -1; // nothing found
    QString message;
};

QString hex(uchar byte)
{
    return QStringLiteral("0x%1").arg(byte, 2, 16, QLatin1Char('0'));
}

Finding firstProblem(QByteArrayView line)
{
    if (line.size() > maxLineBytes)
        return {0,
                QStringLiteral("this line has %1 bytes, the limit is %2").arg(line.size()).arg(maxLineBytes)};
    if (const qsizetype at = firstInvalidUtf8(line); at >= 0)
        return {
            at,
            QStringLiteral("this byte (%1) is not UTF-8: save the file as UTF-8").arg(hex(uchar(line[at])))};
    for (qsizetype at = 0; at < line.size(); ++at) {
        auto c = uchar(line[at]);
        if (c == 0xc2 && uchar(line[at + 1]) < 0xa0) // U+0080 to U+009F
            c = uchar(line[at + 1]);
        else if ((c >= 0x20 || c == '\t') && c != 0x7f)
            continue;
        return {at,
                QStringLiteral("the control character %1 is not allowed here: remove it, or write it as an "
                               "escape in double quotes")
                    .arg(hex(c))};
    }
    return {};
}

} // namespace

QList<Diagnostic> checkCharacters(QByteArrayView text, const TextLines &lines)
{
    QList<Diagnostic> problems;
    for (int number = 1; number <= lines.count() && problems.size() < maxProblems; ++number) {
        const QByteArrayView line = lines.line(number);
        if (const Finding found = firstProblem(line); found.at >= 0)
            problems.append({{}, lines.placeOf(line.data() - text.data() + found.at), found.message, {}});
    }
    return problems;
}

} // namespace tidemill::host
