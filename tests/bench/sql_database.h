// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "market_frames.h"
#include "measurement.h"

#include <QSqlDatabase>
#include <QSqlQuery>
#include <QTemporaryDir>

namespace tidemill::bench {

enum class Backend { Sqlite, Postgres };

// The database of one run: a SQLite file in a folder of its own, or a table of its own on the server that
// TIDEMILL_TEST_POSTGRES_URL names; and a connection to it beside the sink's.
class Database
{
public:
    explicit Database(Backend backend);
    ~Database();
    Q_DISABLE_COPY_MOVE(Database)

    // What the sink is told.
    QString url() const;
    const QString &table() const { return m_table; }

    // With the settings that the sink uses.
    Result<> open();
    QSqlQuery query() const;
    Result<> execute(const QString &sql) const;

    // Whether exactly these trades are stored.
    Result<> check(const TradeFrames::Sums &expected) const;

private:
    bool m_isPostgres;
    QTemporaryDir m_folder;
    QString m_table;
    QSqlDatabase m_database;
};

} // namespace tidemill::bench
