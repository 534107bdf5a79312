// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.h"

#include <QByteArray>
#include <QByteArrayList>
#include <QHash>

#include <optional>
#include <vector>

struct pg_conn;

namespace tidemill::sql {

// Sends statements and rows over the connection that Qt's driver has opened, by libpq itself: Qt's driver
// would put all values into one text, in UTF-16 and back, for the server to parse again, and knows no COPY.
// Statements with parameters are prepared, once for each connection: planning one anew costs a tenth of what
// 1000 records do. The server plans again by itself when a table is another. No call waits longer than a
// minute or so: a server that holds the connection and says nothing counts as gone.
class PostgresClient
{
public:
    explicit PostgresClient(const Connection &connection) : m_connection(connection) {}

    using MaybeFailure = std::optional<SqlFailure>; // nothing if it worked; `what` is for its message

    // Parameters as text, for $1, $2 and so on.
    MaybeFailure run(const QByteArray &sql, const std::vector<QByteArray> &parameters, const QString &what);
    // Several statements in one round trip. `row` gets the first row of the last of them.
    MaybeFailure runAll(const QByteArray &sql, QByteArrayList &row, const QString &what) const;

    // `sql` is COPY ... FROM STDIN. After a failure the copy is over.
    MaybeFailure beginCopy(const QByteArray &sql, const QString &what) const;
    MaybeFailure copy(const QByteArray &lines, const QString &what) const;
    MaybeFailure endCopy(const QString &what) const;

    MaybeFailure commit() const;
    // If there is a transaction.
    void rollBack() const;

private:
    pg_conn *handle() const;
    MaybeFailure collect(pg_conn *handle, const QString &what, QByteArrayList *row = nullptr) const;
    MaybeFailure failure(pg_conn *handle, const QByteArray &state, const QByteArray &text,
                         const QString &what) const;

    MaybeFailure prepare(pg_conn *handle, const QByteArray &sql, QByteArray &name, const QString &what);

    const Connection &m_connection;
    QHash<QByteArray, QByteArray> m_prepared; // names of statements, which never come again
    quint64 m_preparedCount = 0;
    pg_conn *m_preparedBy = nullptr;
    int m_preparedIn = 0; // the process at the other end: a handle may come again
};

} // namespace tidemill::sql
