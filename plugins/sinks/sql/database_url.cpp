// SPDX-License-Identifier: Apache-2.0
#include "database_url.h"

#include <tidemill/option.h>

#include <QUrl>
#include <QUrlQuery>

namespace tidemill::sql {

namespace {

// What may follow the '?'. Passwords and hosts have their own places, where they are masked and checked.
const QStringList &libpqOptions()
{
    static const QStringList names{
        "application_name", "channel_binding",  "connect_timeout", "gssencmode",
        "keepalives",       "keepalives_count", "keepalives_idle", "keepalives_interval",
        "krbsrvname",       "options",          "sslcert",         "sslcrl",
        "sslkey",           "sslmode",          "sslrootcert",     "target_session_attrs",
        "tcp_user_timeout"};
    return names;
}

Error wrong(const QString &message)
{
    return {Error::Kind::Config, message};
}

Result<DatabaseUrl> parseSqlite(QString rest)
{
    DatabaseUrl url;
    // SQLAlchemy: two slashes and a host that is always empty, one slash in front of the file, then the file.
    if (rest.startsWith(QLatin1String("//"))) {
        rest.remove(0, 2);
        if (rest.isEmpty())
            rest = QStringLiteral(":memory:");
        else if (!rest.startsWith(QLatin1Char('/')))
            return wrong(
                QStringLiteral("expected sqlite:FILE or sqlite:///FILE; after two slashes comes a host, "
                               "and a file has none"));
        else
            rest.remove(0, 1);
    }
    if (rest.isEmpty())
        return wrong(QStringLiteral("expected sqlite:FILE, got no file"));
    if (rest.contains(QLatin1Char('?')))
        return wrong(QStringLiteral("sqlite:FILE takes no options after a '?'"));
    url.database = rest;
    return url;
}

Result<DatabaseUrl> parsePostgres(const QString &text)
{
    DatabaseUrl url;
    url.dialect = Dialect::PostgreSql;
    const QUrl parsed(text, QUrl::StrictMode);
    // QUrl's own message would quote the address.
    if (!parsed.isValid())
        return wrong(
            QStringLiteral("expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE, got something that is no "
                           "address (not shown: it may hold a password; in a password write %40 for @, %2F "
                           "for /, %3A for :, %23 for #, %25 for %)"));
    url.host = parsed.host(QUrl::FullyDecoded);
    url.port = parsed.port();
    url.user = parsed.userName(QUrl::FullyDecoded);
    url.password = parsed.password(QUrl::FullyDecoded);
    url.database = parsed.path(QUrl::FullyDecoded).mid(1);
    if (parsed.hasFragment())
        return wrong(QStringLiteral("expected nothing behind a '#'; in a password write %23"));

    const auto items = QUrlQuery(parsed).queryItems(QUrl::FullyDecoded);
    for (const auto &[name, value] : items) {
        // How one writes the folder of a Unix socket, which is no host name.
        if (name == QLatin1String("host") && url.host.isEmpty()) {
            url.host = value;
            continue;
        }
        if (!libpqOptions().contains(name)) {
            const QString near = nearestName(name, libpqOptions());
            return wrong(QStringLiteral("no such connection option: '%1'; %2")
                             .arg(name.left(40), near.isEmpty()
                                                     ? QStringLiteral("known are ") +
                                                           libpqOptions().join(QLatin1String(", "))
                                                     : QStringLiteral("did you mean '%1'?").arg(near)));
        }
        // Qt takes the options as one text with semicolons between them and knows no way to quote one.
        if (value.contains(QLatin1Char(';')))
            return wrong(QStringLiteral("the connection option %1 must not contain a semicolon").arg(name));
        url.options.append({name, value});
    }
    return url;
}

} // namespace

Result<DatabaseUrl> DatabaseUrl::parse(const QString &text)
{
    const qsizetype colon = text.indexOf(QLatin1Char(':'));
    // SQLAlchemy names the driver too: postgresql+psycopg2.
    const QString scheme = text.left(colon).section(QLatin1Char('+'), 0, 0);
    if (colon > 0 && scheme == QLatin1String("sqlite"))
        return parseSqlite(text.mid(colon + 1));
    if (colon > 0 && (scheme == QLatin1String("postgresql") || scheme == QLatin1String("postgres"))) {
        if (!text.mid(colon).startsWith(QLatin1String("://")))
            return wrong(
                QStringLiteral("expected two slashes: postgresql://USER:PASSWORD@HOST:PORT/DATABASE"));
        return parsePostgres(QLatin1String("postgresql") + text.mid(colon));
    }
    return wrong(
        QStringLiteral("expected sqlite:FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE, got something "
                       "else (not shown: it may hold a password)"));
}

QString DatabaseUrl::display() const
{
    if (dialect == Dialect::Sqlite)
        return database;
    QString place = host.isEmpty() ? QStringLiteral("the local PostgreSQL") : host;
    if (port > 0)
        place += QLatin1Char(':') + QString::number(port);
    return database.isEmpty() ? place : place + QLatin1Char('/') + database;
}

QString DatabaseUrl::masked(QString text) const
{
    return password.isEmpty() ? text : text.replace(password, QLatin1String("***"));
}

} // namespace tidemill::sql
