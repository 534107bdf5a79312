// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database_url.h"

#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>

#include <chrono>

namespace tidemill::sql {

// Why a statement did not work, as far as it decides what to do.
struct SqlFailure
{
    enum class Cause {
        Data,       // this row can never be stored, others can
        Connection, // the database is gone
        Table,      // no such table, column or key, or it may not be used
        Other,      // locked, full: worth trying again
    };

    Cause cause = Cause::Other;
    Error error;
};

// One connection to a database: opened when needed, closed when lost. Belongs to the thread that opened it.
class Connection
{
public:
    Connection(const DatabaseUrl &url, std::chrono::milliseconds connectTimeout);
    ~Connection() { close(); }
    Q_DISABLE_COPY_MOVE(Connection)

    const DatabaseUrl &url() const { return m_url; }

    // Does nothing if it is open.
    Result<> open();
    // All queries must have been destroyed before.
    void close();
    bool isOpen() const { return m_database.isOpen(); }
    // Somebody has deleted the file: SQLite would go on writing into what nobody can find any more.
    bool isOrphaned() const;

    // Made for reading once from begin to end.
    QSqlQuery query() const;
    const QSqlDriver *driver() const { return m_database.driver(); }
    Result<> execute(const QString &sql);
    SqlFailure failure(const QSqlError &error, const QString &what) const;

private:
    Result<> openSqlite();
    Result<> openPostgres();
    QString libpqOptions() const;

    DatabaseUrl m_url;
    std::chrono::milliseconds m_connectTimeout;
    QSqlDatabase m_database;
};

} // namespace tidemill::sql
