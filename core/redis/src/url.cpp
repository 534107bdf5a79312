// SPDX-License-Identifier: Apache-2.0
#include <tidemill/redis/url.h>

namespace tidemill::redis {

namespace {

Error wrong(const QString &what)
{
    return {Error::Kind::Config, QStringLiteral("Redis address: %1").arg(what)};
}

Result<QByteArray> decoded(const QByteArray &text, const QString &what)
{
    for (qsizetype at = text.indexOf('%'); at >= 0; at = text.indexOf('%', at + 1)) {
        bool isHex = false;
        text.mid(at + 1, 2).toUInt(&isHex, 16);
        if (!isHex || text.size() < at + 3)
            return wrong(QStringLiteral("expected two hexadecimal digits behind each '%' of the %1; write "
                                        "%25 for a percent sign")
                             .arg(what));
    }
    return QByteArray::fromPercentEncoding(text);
}

Result<int> databaseNumber(const QByteArray &text)
{
    bool isNumber = false;
    const int number = text.toInt(&isNumber);
    if (!isNumber || number < 0)
        return wrong(
            QStringLiteral("expected the number of a database, got '%1'").arg(QString::fromUtf8(text)));
    return number;
}

Result<> parseUser(Url &url, const QByteArray &text)
{
    const qsizetype colon = text.indexOf(':');
    const auto user = decoded(text.left(colon < 0 ? text.size() : colon), QStringLiteral("user"));
    if (!user)
        return user.error();
    url.user = *user;
    if (colon < 0)
        return wrong(QStringLiteral("expected user:password@ (or :password@) in front of the host"));
    const auto password = decoded(text.mid(colon + 1), QStringLiteral("password"));
    if (!password)
        return password.error();
    url.password = *password;
    if (!url.user.isEmpty() && url.password.isEmpty())
        return wrong(QStringLiteral("a user without a password"));
    return {};
}

Result<> parsePort(Url &url, const QByteArray &text)
{
    bool isNumber = false;
    url.port = text.toUShort(&isNumber);
    if (!isNumber || url.port == 0)
        return wrong(QStringLiteral("expected a port from 1 to 65535 behind the host"));
    return {};
}

Result<> parseHost(Url &url, const QByteArray &text)
{
    qsizetype end = text.indexOf(':');
    if (text.startsWith('[')) {
        end = text.indexOf(']');
        if (end < 0)
            return wrong(QStringLiteral("expected ']' behind an IPv6 address"));
        url.host = QString::fromLatin1(text.sliced(1, end - 1));
        const QByteArray rest = text.mid(end + 1);
        if (!rest.isEmpty() && !rest.startsWith(':'))
            return wrong(QStringLiteral("expected a port or nothing behind the ']'"));
        end = rest.isEmpty() ? -1 : end + 1;
    } else {
        url.host = QString::fromUtf8(text.left(end < 0 ? text.size() : end));
    }
    if (url.host.isEmpty())
        return wrong(QStringLiteral("expected a host, such as redis://localhost:6379/0"));
    return end < 0 ? Result<>() : parsePort(url, text.mid(end + 1));
}

Result<Url> parseSocket(QByteArray text)
{
    Url url;
    if (const qsizetype at = text.indexOf("@/"); at >= 0 && !text.startsWith('/')) {
        if (const auto user = parseUser(url, text.left(at)); !user)
            return user.error();
        text = text.mid(at + 1);
    }
    const qsizetype question = text.indexOf('?');
    url.socketPath = QString::fromUtf8(text.left(question < 0 ? text.size() : question));
    if (!url.socketPath.startsWith('/'))
        return wrong(QStringLiteral("expected unix:///path/of/the/socket, or unix://user:password@/path"));
    if (question < 0)
        return url;
    const QByteArray query = text.mid(question + 1);
    if (!query.startsWith("db="))
        return wrong(QStringLiteral("behind the '?' only db=NUMBER is known"));
    const auto database = databaseNumber(query.mid(3));
    if (!database)
        return database.error();
    url.database = *database;
    return url;
}

} // namespace

Result<Url> Url::parse(const QString &text)
{
    const QByteArray source = text.trimmed().toUtf8();
    if (source.startsWith("unix://"))
        return parseSocket(source.mid(7));

    Url url;
    QByteArray rest;
    if (source.startsWith("redis://")) {
        rest = source.mid(8);
    } else if (source.startsWith("rediss://")) {
        url.isSecure = true;
        rest = source.mid(9);
    } else {
        return wrong(QStringLiteral("expected redis://, rediss:// or unix://"));
    }
    // The last one: who forgets to encode an @ in a password gets in all the same.
    if (const qsizetype at = rest.lastIndexOf('@'); at >= 0) {
        if (const auto user = parseUser(url, rest.left(at)); !user)
            return user.error();
        rest = rest.mid(at + 1);
    }
    if (rest.contains('?') || rest.contains('#'))
        return wrong(QStringLiteral("nothing may stand behind the database's number; a '?' or '#' in a "
                                    "password is %3F or %23"));
    const qsizetype slash = rest.indexOf('/');
    if (slash >= 0 && slash + 1 < rest.size()) {
        const auto database = databaseNumber(rest.mid(slash + 1));
        if (!database)
            return database.error();
        url.database = *database;
    }
    if (const auto host = parseHost(url, rest.left(slash < 0 ? rest.size() : slash)); !host)
        return host.error();
    return url;
}

QString Url::place() const
{
    if (!socketPath.isEmpty())
        return socketPath;
    return (host.contains(':') ? QStringLiteral("[%1]:%2") : QStringLiteral("%1:%2")).arg(host).arg(port);
}

} // namespace tidemill::redis
