// SPDX-License-Identifier: Apache-2.0
#include "postgres_client.h"

#include <QSqlDriver>
#include <QVariant>

#include <libpq-fe.h>

#include <memory>

namespace tidemill::sql {

namespace {

// The handle's type is called "pg_conn*" up to Qt 6.4 at least, "PGconn*" in its documentation.
PGconn *handleOf(const QSqlDriver *driver)
{
    const QVariant handle = driver ? driver->handle() : QVariant();
    const QByteArrayView type(handle.typeName());
    if (type != QByteArrayView("pg_conn*") && type != QByteArrayView("PGconn*"))
        return nullptr;
    return *static_cast<PGconn *const *>(handle.constData());
}

} // namespace

std::optional<SqlFailure> PostgresClient::run(const QByteArray &sql,
                                              const std::vector<QByteArray> &parameters,
                                              const QString &what) const
{
    PGconn *handle = handleOf(m_connection.driver());
    if (!handle)
        return m_connection.failure(
            QSqlError(QString(), QStringLiteral("Qt's driver gives no access to its connection")), what);
    std::vector<const char *> values;
    values.reserve(parameters.size());
    for (const QByteArray &parameter : parameters)
        values.push_back(parameter.constData());
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexecParams(handle, sql.constData(), int(values.size()), nullptr, values.data(), nullptr, nullptr,
                     0),
        &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return {};
    // Qt has not seen this failure, so it still believes in a connection that is gone.
    const bool isGone = PQstatus(handle) != CONNECTION_OK;
    const char *state = result ? PQresultErrorField(result.get(), PG_DIAG_SQLSTATE) : nullptr;
    const char *text = result ? PQresultErrorMessage(result.get()) : PQerrorMessage(handle);
    return m_connection.failure(QSqlError(QString(), QString::fromUtf8(text), QSqlError::StatementError,
                                          isGone ? QStringLiteral("08006") : QString::fromLatin1(state)),
                                what);
}

} // namespace tidemill::sql
