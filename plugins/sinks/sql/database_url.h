// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QList>
#include <QString>

#include <utility>

namespace tidemill::sql {

enum class Dialect { Sqlite, PostgreSql };

// Where the database is, taken apart.
struct DatabaseUrl
{
    Dialect dialect = Dialect::Sqlite;
    QString database; // SQLite: the file, or ":memory:"
    QString host;     // a name, an address or the folder of a socket; empty: what libpq does then
    int port = -1;
    QString user;
    QString password;
    QList<std::pair<QString, QString>> options; // sslmode and its like, for libpq

    // sqlite:FILE and postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTIONS, and what SQLAlchemy writes for
    // both (sqlite:///FILE, sqlite:////ABSOLUTE/FILE, postgresql+psycopg2://...). Errors never show the
    // address.
    static Result<DatabaseUrl> parse(const QString &text);

    bool isInMemory() const { return dialect == Dialect::Sqlite && database == QLatin1String(":memory:"); }
    // For logs and messages: neither user nor password.
    QString display() const;
    // The text with the password, should it occur, as ***.
    QString masked(QString text) const;
};

} // namespace tidemill::sql
