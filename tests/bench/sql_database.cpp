// SPDX-License-Identifier: Apache-2.0
#include "sql_database.h"

#include <QCoreApplication>
#include <QSqlError>
#include <QUrl>

namespace tidemill::bench {

Database::Database(Backend backend) : m_isPostgres(backend == Backend::Postgres)
{
    m_table = m_isPostgres ? QStringLiteral("tidemill_bench_%1").arg(QCoreApplication::applicationPid())
                           : QStringLiteral("trade");
    m_database = QSqlDatabase::addDatabase(m_isPostgres ? "QPSQL" : "QSQLITE", QStringLiteral("bench"));
    if (m_isPostgres) {
        const QUrl server(url());
        m_database.setHostName(server.host());
        m_database.setPort(server.port());
        m_database.setUserName(server.userName());
        m_database.setPassword(server.password());
        m_database.setDatabaseName(server.path().mid(1));
    } else {
        m_database.setDatabaseName(m_folder.filePath(QStringLiteral("bench.db")));
    }
}

Database::~Database()
{
    if (m_isPostgres)
        (void)execute(QStringLiteral("DROP TABLE IF EXISTS ") + m_table);
    m_database.close();
    m_database = QSqlDatabase();
    QSqlDatabase::removeDatabase(QStringLiteral("bench"));
}

QString Database::url() const
{
    return m_isPostgres ? qEnvironmentVariable("TIDEMILL_TEST_POSTGRES_URL")
                        : QStringLiteral("sqlite:") + m_folder.filePath(QStringLiteral("bench.db"));
}

Result<> Database::open()
{
    if (!m_database.open())
        return broken(m_database.lastError().text());
    if (m_isPostgres)
        return {};
    if (const auto journal = execute(QStringLiteral("PRAGMA journal_mode = WAL")); !journal)
        return journal.error();
    return execute(QStringLiteral("PRAGMA synchronous = NORMAL"));
}

QSqlQuery Database::query() const
{
    QSqlQuery made(m_database);
    made.setForwardOnly(true);
    return made;
}

Result<> Database::execute(const QString &sql) const
{
    QSqlQuery statement = query();
    return statement.exec(sql) ? Result<>() : broken(statement.lastError().text());
}

Result<> Database::check(const TradeFrames::Sums &expected) const
{
    // Both stores keep all eight digits of a price, so without the point it is its mantissa.
    const QString digits =
        QStringLiteral("cast(sum(cast(replace(cast(%1 as text), '.', '') as bigint)) as text)");
    QSqlQuery sums = query();
    if (!sums.exec(
            QStringLiteral("SELECT count(*), cast(sum(trade_id) as text), %1, %2 FROM %3")
                .arg(digits.arg(QLatin1String("price")), digits.arg(QLatin1String("quantity")), m_table)) ||
        !sums.next())
        return broken(sums.lastError().text());
    const TradeFrames::Sums stored{sums.value(0).toULongLong(), sums.value(1).toULongLong(),
                                   sums.value(2).toULongLong(), sums.value(3).toULongLong()};
    if (stored == expected)
        return {};
    return broken(QStringLiteral("stored: %1 rows, ids %2, prices %3, quantities %4; expected %5, %6, %7, %8")
                      .arg(stored.rows)
                      .arg(stored.ids)
                      .arg(stored.prices)
                      .arg(stored.quantities)
                      .arg(expected.rows)
                      .arg(expected.ids)
                      .arg(expected.prices)
                      .arg(expected.quantities));
}

} // namespace tidemill::bench
