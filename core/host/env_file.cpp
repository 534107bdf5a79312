// SPDX-License-Identifier: Apache-2.0
#include "env_file.h"

#include "text_lines.h"

#include <QFile>
#include <QFileInfo>
#include <QHash>
#include <QRegularExpression>

namespace tidemill::host {

namespace {

constexpr qint64 maxBytes = 1 << 20;

Error configError(const QString &message)
{
    return {Error::Kind::Config, message};
}

bool isCommentOrEmpty(QStringView rest)
{
    return rest.trimmed().isEmpty() ||
           (rest.front().isSpace() && rest.trimmed().startsWith(QLatin1Char('#')));
}

Result<QString> quotedValue(const QString &written)
{
    const QChar quote = written.front();
    QString value;
    for (qsizetype i = 1; i < written.size(); ++i) {
        const QChar c = written[i];
        if (c == quote) {
            if (!isCommentOrEmpty(QStringView(written).mid(i + 1)))
                return configError(QStringLiteral("only a comment may follow the closing quote"));
            return value;
        }
        if (c == QLatin1Char('\\') && quote == QLatin1Char('"') && i + 1 < written.size()) {
            const QChar escaped = written[++i];
            if (escaped == QLatin1Char('n'))
                value += QLatin1Char('\n');
            else if (escaped == QLatin1Char('t'))
                value += QLatin1Char('\t');
            else if (QStringLiteral("\"\\$").contains(escaped))
                value += escaped;
            else
                (value += c) += escaped;
        } else {
            value += c;
        }
    }
    return configError(QStringLiteral("the quote is not closed on its line"));
}

Result<QString> valueOf(const QString &written)
{
    if (written.startsWith(QLatin1Char('"')) || written.startsWith(QLatin1Char('\'')))
        return quotedValue(written);
    static const QRegularExpression comment(QStringLiteral("(^|\\s)#.*$"));
    return QString(written).remove(comment).trimmed();
}

} // namespace

EnvFile parseEnvFile(const QByteArray &text, const QString &path)
{
    static const QRegularExpression assignment(
        QStringLiteral("^(?:export\\s+)?([A-Za-z_][A-Za-z0-9_]*)\\s*=\\s*(.*)$"));
    EnvFile file;
    QHash<QString, int> firstLines;
    const TextLines lines(text);
    for (int number = 1; number <= lines.count(); ++number) {
        const auto fail = [&](const QString &message) {
            file.problems.append({path, {number, 0}, message, {}});
        };
        const QByteArrayView bytes = lines.line(number);
        if (bytes.contains('\0') || firstInvalidUtf8(bytes) >= 0) {
            fail(QStringLiteral("this line is not text in UTF-8"));
            continue;
        }
        const QString line = QString::fromUtf8(bytes).trimmed();
        if (line.isEmpty() || line.startsWith(QLatin1Char('#')))
            continue;
        const auto match = assignment.match(line);
        if (!match.hasMatch()) {
            fail(QStringLiteral("expected KEY=VALUE"));
            continue;
        }
        const QString key = match.captured(1);
        const auto value = valueOf(match.captured(2));
        if (!value)
            fail(QStringLiteral("%1: %2").arg(key, value.error().message));
        else if (firstLines.contains(key))
            fail(QStringLiteral("%1 is given twice, first in line %2").arg(key).arg(firstLines.value(key)));
        else
            file.variables.append({key, *value});
        firstLines.insert(key, firstLines.value(key, number));
    }
    return file;
}

QList<Diagnostic> readEnvFile(const QString &path, QProcessEnvironment &environment)
{
    if (!QFileInfo::exists(path))
        return {};
    const auto failure = [&](const QString &why) { return QList<Diagnostic>{{path, {}, why, {}}}; };
    if (!QFileInfo(path).isFile())
        return failure(QStringLiteral("is not a regular file"));
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return failure(QStringLiteral("cannot be read: %1").arg(file.errorString()));
    const QByteArray text = file.read(maxBytes + 1);
    if (text.size() > maxBytes)
        return failure(QStringLiteral("is larger than %1 bytes").arg(maxBytes));
    const EnvFile parsed = parseEnvFile(text, path);
    for (const auto &[key, value] : parsed.variables) {
        if (!environment.contains(key))
            environment.insert(key, value);
    }
    return parsed.problems;
}

} // namespace tidemill::host
