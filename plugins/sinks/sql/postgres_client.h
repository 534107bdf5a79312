// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.h"

#include <QByteArray>
#include <QByteArrayList>

#include <optional>
#include <vector>

struct pg_conn;

namespace tidemill::sql {

// Sends statements and rows over the connection that Qt's driver has opened, by libpq itself: Qt's driver
// would put all values into one text, in UTF-16 and back, for the server to parse again, and knows no COPY.
// Nothing is prepared, so nothing goes stale when the connection or a table is another. No call waits longer
// than a minute or so: a server that holds the connection and says nothing counts as gone.
class PostgresClient
{
public:
    explicit PostgresClient(const Connection &connection) : m_connection(connection) {}

    using MaybeFailure = std::optional<SqlFailure>; // nothing if it worked; `what` is for its message

    // Parameters as text, for $1, $2 and so on.
    MaybeFailure run(const QByteArray &sql, const std::vector<QByteArray> &parameters,
                     const QString &what) const;
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

    const Connection &m_connection;
};

} // namespace tidemill::sql
