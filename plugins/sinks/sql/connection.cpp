// SPDX-License-Identifier: Apache-2.0
#include "connection.h"

#include <QDir>
#include <QFileInfo>
#include <QVariant>

#include <algorithm>
#include <atomic>

namespace tidemill::sql {

namespace {

SqlFailure::Cause sqliteCause(const QString &code)
{
    // The extended codes say more in their higher bits: https://www.sqlite.org/rescode.html
    constexpr int tooBig = 18;
    constexpr int constraint = 19;
    constexpr int mismatch = 20;
    const int primary = code.toInt() & 0xff;
    return primary == tooBig || primary == constraint || primary == mismatch ? SqlFailure::Cause::Data
                                                                             : SqlFailure::Cause::Other;
}

SqlFailure::Cause postgresCause(const QString &state, bool isOpen)
{
    const auto isOfClass = [&state](const char *prefix) { return state.startsWith(QLatin1String(prefix)); };
    if (!isOpen || isOfClass("08") || isOfClass("57P"))
        return SqlFailure::Cause::Connection;
    // Data exception, constraint violated, a value too large for an index.
    if (isOfClass("22") || isOfClass("23") || isOfClass("54"))
        return SqlFailure::Cause::Data;
    return isOfClass("42") ? SqlFailure::Cause::Table : SqlFailure::Cause::Other;
}

} // namespace

Connection::Connection(const DatabaseUrl &url, std::chrono::milliseconds connectTimeout)
    : m_url(url)
    , m_connectTimeout(connectTimeout)
{}

Result<> Connection::open()
{
    if (m_database.isOpen())
        return {};
    close();
    static std::atomic<int> count = 0;
    const bool isSqlite = m_url.dialect == Dialect::Sqlite;
    m_database = QSqlDatabase::addDatabase(isSqlite ? QStringLiteral("QSQLITE") : QStringLiteral("QPSQL"),
                                           QStringLiteral("tidemill-sql-%1").arg(++count));
    if (!m_database.isValid()) {
        close();
        return Error{
            Error::Kind::Config,
            QStringLiteral("Qt's driver for %1 is not installed (Debian: %2)")
                .arg(isSqlite ? QStringLiteral("SQLite") : QStringLiteral("PostgreSQL"),
                     isSqlite ? QStringLiteral("libqt6sql6-sqlite") : QStringLiteral("libqt6sql6-psql"))};
    }
    auto opened = isSqlite ? openSqlite() : openPostgres();
    if (!opened)
        close();
    return opened;
}

void Connection::close()
{
    if (!m_database.isValid())
        return;
    const QString name = m_database.connectionName();
    m_database.close();
    m_database = QSqlDatabase(); // or removeDatabase() would find it in use
    QSqlDatabase::removeDatabase(name);
}

bool Connection::isOrphaned() const
{
    return m_database.isOpen() && m_url.dialect == Dialect::Sqlite && !m_url.isInMemory() &&
           !QFileInfo::exists(m_url.database);
}

Result<> Connection::openSqlite()
{
    if (!m_url.isInMemory()) {
        const QString folder = QFileInfo(m_url.database).absolutePath();
        if (!QDir().mkpath(folder))
            return Error{Error::Kind::Storage,
                         QStringLiteral("%1: cannot create the folder %2").arg(m_url.database, folder)};
    }
    m_database.setDatabaseName(m_url.database);
    m_database.setConnectOptions(QStringLiteral("QSQLITE_BUSY_TIMEOUT=5000"));
    if (!m_database.open())
        return failure(m_database.lastError(), QStringLiteral("cannot open it")).error;

    QSqlQuery journal = query();
    if (!journal.exec(QStringLiteral("PRAGMA journal_mode = WAL")) || !journal.next())
        return failure(journal.lastError(), QStringLiteral("cannot open it")).error;
    // Where there can be no write-ahead log (some network file systems), NORMAL could damage the file in a
    // power cut.
    const bool hasLog = journal.value(0).toString() == QLatin1String("wal");
    journal.finish();
    return execute(hasLog ? QStringLiteral("PRAGMA synchronous = NORMAL")
                          : QStringLiteral("PRAGMA synchronous = FULL"));
}

QString Connection::libpqOptions() const
{
    QList<std::pair<QString, QString>> options = m_url.options;
    const auto addDefault = [&options](const char *name, const QString &value) {
        if (std::none_of(options.cbegin(), options.cend(),
                         [name](const auto &option) { return option.first == QLatin1String(name); }))
            options.append({QLatin1String(name), value});
    };
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(m_connectTimeout).count();
    addDefault("connect_timeout", QString::number(seconds));
    addDefault("application_name", QStringLiteral("tidemill"));
    // A server that vanished without a word would otherwise hold this thread for the quarter of an hour that
    // TCP takes.
    addDefault("tcp_user_timeout", QStringLiteral("30000"));
    addDefault("keepalives_idle", QStringLiteral("15"));
    addDefault("keepalives_interval", QStringLiteral("5"));
    addDefault("keepalives_count", QStringLiteral("3"));

    QStringList parts;
    for (const auto &[name, value] : std::as_const(options)) {
        QString quoted = value;
        quoted.replace(QLatin1Char('\\'), QLatin1String("\\\\"))
            .replace(QLatin1Char('\''), QLatin1String("\\'"));
        parts.append(QStringLiteral("%1='%2'").arg(name, quoted));
    }
    return parts.join(QLatin1Char(';'));
}

Result<> Connection::openPostgres()
{
    m_database.setHostName(m_url.host);
    m_database.setPort(m_url.port);
    m_database.setDatabaseName(m_url.database);
    m_database.setUserName(m_url.user);
    m_database.setPassword(m_url.password);
    m_database.setConnectOptions(libpqOptions());
    if (!m_database.open()) {
        Error error = failure(m_database.lastError(), QStringLiteral("cannot connect")).error;
        error.kind = Error::Kind::Network;
        return error;
    }
    // Literals are written for these settings. What somebody else has locked is not waited for where nobody
    // can see it, but as a failure that is tried again; and nothing runs for ever.
    return execute(QStringLiteral("SET standard_conforming_strings = on; SET TIME ZONE 'UTC'; "
                                  "SET client_min_messages = warning; SET lock_timeout = '3s'; "
                                  "SET statement_timeout = '60s'; "
                                  "SET default_transaction_isolation = 'read committed'"));
}

QSqlQuery Connection::query() const
{
    QSqlQuery query(m_database);
    query.setForwardOnly(true);
    return query;
}

Result<> Connection::execute(const QString &sql)
{
    QSqlQuery statement = query();
    if (!statement.exec(sql))
        return failure(statement.lastError(), sql.section(QLatin1Char('('), 0, 0).left(80).trimmed()).error;
    return {};
}

SqlFailure Connection::failure(const QSqlError &error, const QString &what) const
{
    SqlFailure result;
    const QString code = error.nativeErrorCode();
    result.cause =
        m_url.dialect == Dialect::Sqlite ? sqliteCause(code) : postgresCause(code, m_database.isOpen());
    const QString text = error.databaseText().isEmpty() ? error.driverText() : error.databaseText();
    result.error.kind =
        result.cause == SqlFailure::Cause::Connection ? Error::Kind::Network : Error::Kind::Storage;
    // Qt adds PostgreSQL's code to the text, SQLite's not.
    const bool showsCode = code.isEmpty() || text.contains(code);
    result.error.message = m_url.masked(QStringLiteral("%1: %2: %3%4")
                                            .arg(m_url.display(), what, text.simplified(),
                                                 showsCode ? QString() : QStringLiteral(" (%1)").arg(code)));
    return result;
}

} // namespace tidemill::sql
