// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.h"

#include <QByteArray>

#include <optional>
#include <vector>

namespace tidemill::sql {

// Sends a statement and its parameters over the connection that Qt's driver has opened, by libpq itself: Qt's
// driver would put all values into one text, in UTF-16 and back, for the server to parse again.
class PostgresClient
{
public:
    explicit PostgresClient(const Connection &connection) : m_connection(connection) {}

    // Parameters as text, for $1, $2 and so on. Nothing if it worked.
    std::optional<SqlFailure> run(const QByteArray &sql, const std::vector<QByteArray> &parameters,
                                  const QString &what) const;

private:
    const Connection &m_connection;
};

} // namespace tidemill::sql
