// SPDX-License-Identifier: Apache-2.0
#include "substitution.h"

#include "text_lines.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QRegularExpression>
#include <QUrl>

#include <algorithm>

namespace tidemill::host {

namespace {

constexpr int maxDepth = 8; // defaults within defaults
constexpr int minSecretLength = 4;
constexpr qint64 maxFileBytes = 65'536;
constexpr qsizetype maxTotalSize = 4 << 20; // many small references to one large value are large

// Behind the '}' that closes the "${" at `start`; -1 if there is none.
qsizetype endOfExpression(const QString &text, qsizetype start)
{
    int open = 0;
    for (qsizetype i = start; i < text.size(); ++i) {
        if (text[i] == QLatin1Char('$') && i + 1 < text.size() && text[i + 1] == QLatin1Char('{')) {
            ++open;
            ++i;
        } else if (text[i] == QLatin1Char('}') && --open == 0) {
            return i + 1;
        }
    }
    return -1;
}

bool isOneExpression(const QString &text)
{
    return text.startsWith(QLatin1String("${")) && endOfExpression(text, 0) == text.size();
}

} // namespace

Substitution::Substitution(const QProcessEnvironment &environment, const QString &baseDirectory)
    : m_environment(environment)
    , m_baseDirectory(baseDirectory)
{}

Value Substitution::apply(const Value &value)
{
    switch (value.kind()) {
    case Value::Kind::Null:
        return value;
    case Value::Kind::Scalar: {
        if (!value.text().contains(QLatin1String("${")))
            return value;
        m_place = value.place();
        const bool isQuoted = value.isQuoted() && !isOneExpression(value.text());
        return Value::scalar(replaceIn(value.text(), 0), isQuoted, value.place());
    }
    case Value::Kind::List: {
        QList<Value> items;
        for (const Value &item : value.items())
            items.append(apply(item));
        return Value::list(items, value.place());
    }
    case Value::Kind::Map: {
        QList<Value::Member> members;
        for (const Value::Member &member : value.members()) {
            m_place = member.keyPlace;
            if (member.key.contains(QLatin1String("${")))
                fail(QStringLiteral("${...} is replaced in values only, not in keys"));
            members.append({member.key, member.keyPlace, apply(member.value)});
        }
        return Value::map(members, value.place());
    }
    }
    return value;
}

QString Substitution::replaceIn(const QString &text, int depth)
{
    QString result;
    qsizetype done = 0;
    while (true) {
        const qsizetype start = text.indexOf(QLatin1String("${"), done);
        if (start < 0)
            return result.append(QStringView(text).mid(done));
        if (start > done && text[start - 1] == QLatin1Char('$')) {
            result += QStringView(text).mid(done, start - 1 - done);
            result += QLatin1String("${");
            done = start + 2;
            continue;
        }
        const qsizetype end = endOfExpression(text, start);
        if (end < 0)
            return fail(QStringLiteral("'${' without '}'; write '$${' for a plain '${'"));
        result += QStringView(text).mid(done, start - done);
        const QString value = valueOf(text.mid(start + 2, end - start - 3), depth);
        m_size += value.size();
        if (m_size > maxTotalSize)
            return fail(QStringLiteral("what stands for ${...} is larger than %1 characters in all")
                            .arg(maxTotalSize));
        result += value;
        done = end;
    }
}

// What stands for the expression between the braces.
QString Substitution::valueOf(const QString &expression, int depth)
{
    static const QRegularExpression form(QStringLiteral("^([A-Za-z_][A-Za-z0-9_]*)(?:(:[-?])(.*))?$"),
                                         QRegularExpression::DotMatchesEverythingOption);
    const auto match = form.match(expression);
    if (!match.hasMatch()) {
        if (expression.startsWith(QLatin1String("file:")))
            return readFile(expression.mid(5));
        return fail(QStringLiteral(
                        "expected ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:PATH}, got '${%1}'")
                        .arg(expression.left(80)));
    }
    const QString name = match.captured(1);
    const QString rule = match.captured(2);
    QString value = m_environment.value(name);
    // As a shell has it: with a default or a message, empty is as good as not set.
    if (rule.isEmpty() ? m_environment.contains(name) : !value.isEmpty()) {
        noteSecret(value);
        return value;
    }
    if (rule == QLatin1String(":?")) {
        const QString message = match.captured(3);
        return fail(QStringLiteral("the environment variable %1 is not set%2")
                        .arg(name, message.isEmpty() ? QString() : QLatin1String(": ") + message));
    }
    if (rule == QLatin1String(":-")) {
        if (depth >= maxDepth)
            return fail(QStringLiteral("defaults are nested deeper than %1 levels").arg(maxDepth));
        return replaceIn(match.captured(3), depth + 1);
    }
    return fail(
        QStringLiteral("the environment variable %1 is not set; give a default with ${%1:-...}").arg(name),
        nearestName(name, m_environment.keys()));
}

QString Substitution::readFile(const QString &path)
{
    const QFileInfo info(QDir(m_baseDirectory), path);
    const auto failure = [&](const QString &why) {
        return fail(QStringLiteral("${file:%1}: %2").arg(path, why));
    };
    if (path.isEmpty() || !info.exists())
        return failure(QStringLiteral("no such file"));
    if (!info.isFile()) // a pipe would wait for ever, a device never end
        return failure(QStringLiteral("is not a regular file"));
    QFile file(info.filePath());
    if (!file.open(QIODevice::ReadOnly))
        return failure(file.errorString());
    QByteArray bytes = file.read(maxFileBytes + 1);
    if (bytes.size() > maxFileBytes)
        return failure(QStringLiteral("is larger than %1 bytes").arg(maxFileBytes));
    if (bytes.endsWith('\n'))
        bytes.chop(bytes.endsWith("\r\n") ? 2 : 1);
    if (bytes.contains('\0') || firstInvalidUtf8(bytes) >= 0)
        return failure(QStringLiteral("is not text in UTF-8"));
    QString text = QString::fromUtf8(bytes);
    noteSecret(text);
    return text;
}

void Substitution::noteSecret(const QString &text)
{
    // A database's error message may quote the password of an address without the rest of it.
    const QString password = QUrl(text).password(QUrl::FullyDecoded);
    for (const QString &secret : {text, password}) {
        if (secret.size() >= minSecretLength && !m_secrets.contains(secret))
            m_secrets.append(secret);
    }
}

QStringList Substitution::secrets() const
{
    QStringList sorted = m_secrets;
    // So that no secret is cut in pieces by a shorter one within it.
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const QString &a, const QString &b) { return a.size() > b.size(); });
    return sorted;
}

QString Substitution::fail(const QString &message, const QString &suggestion)
{
    m_problems.append({{}, m_place, message, suggestion});
    return {};
}

QString masked(QString text, const QStringList &secrets)
{
    for (const QString &secret : secrets)
        text.replace(secret, QLatin1String("***"));
    return text;
}

} // namespace tidemill::host
