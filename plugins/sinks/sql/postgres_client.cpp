// SPDX-License-Identifier: Apache-2.0
#include "postgres_client.h"

#include <QDeadlineTimer>
#include <QSqlDriver>
#include <QVariant>

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace tidemill::sql {

namespace {

// Longer than the server's own limit for a statement (connection.cpp), which has the better message.
constexpr std::chrono::seconds answerLimit{70};
constexpr auto connectionLost = "08006";
constexpr quint64 maxPrepared = 10'000; // in all; a server keeps each until the connection ends

using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

// Until a result can be taken without waiting.
bool waitForResult(PGconn *handle, QDeadlineTimer deadline)
{
    while (PQisBusy(handle)) {
        const qint64 left = deadline.remainingTime();
        pollfd socket{PQsocket(handle), POLLIN, 0};
        const int ready = left > 0 ? ::poll(&socket, 1, int(left)) : 0;
        if (ready == 0)
            return false;
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready > 0 && !PQconsumeInput(handle))
            return true; // the result says what is wrong
    }
    return true;
}

QByteArrayList firstRow(const PGresult *result)
{
    QByteArrayList row;
    for (int column = 0; PQntuples(result) > 0 && column < PQnfields(result); ++column)
        row.append(QByteArray(PQgetvalue(result, 0, column), PQgetlength(result, 0, column)));
    return row;
}

} // namespace

// The handle's type is called "pg_conn*" up to Qt 6.4 at least, "PGconn*" in its documentation.
PGconn *PostgresClient::handle() const
{
    const QSqlDriver *driver = m_connection.driver();
    const QVariant handle = driver ? driver->handle() : QVariant();
    const QByteArrayView type(handle.typeName());
    if (type != QByteArrayView("pg_conn*") && type != QByteArrayView("PGconn*"))
        return nullptr;
    return *static_cast<PGconn *const *>(handle.constData());
}

PostgresClient::MaybeFailure PostgresClient::failure(PGconn *handle, const QByteArray &state,
                                                     const QByteArray &text, const QString &what) const
{
    // Qt has not seen this failure, so it still believes in a connection that is gone.
    const bool isGone = !handle || PQstatus(handle) != CONNECTION_OK;
    return m_connection.failure(QSqlError(QString(), QString::fromUtf8(text), QSqlError::StatementError,
                                          QString::fromLatin1(isGone ? QByteArray(connectionLost) : state)),
                                what);
}

// The results of what has been sent, up to the first failure or the beginning of a copy.
PostgresClient::MaybeFailure PostgresClient::collect(PGconn *handle, const QString &what,
                                                     QByteArrayList *row) const
{
    const QDeadlineTimer deadline(answerLimit);
    MaybeFailure failed;
    while (true) {
        if (!waitForResult(handle, deadline))
            return failure(handle, connectionLost, "the server does not answer", what);
        const PgResult result(PQgetResult(handle), &PQclear);
        if (!result)
            return failed;
        switch (PQresultStatus(result.get())) {
        case PGRES_COPY_IN:
            return failed;
        case PGRES_COMMAND_OK:
            break;
        case PGRES_TUPLES_OK:
            if (row)
                *row = firstRow(result.get());
            break;
        default:
            if (!failed)
                failed = failure(handle, PQresultErrorField(result.get(), PG_DIAG_SQLSTATE),
                                 PQresultErrorMessage(result.get()), what);
            if (PQstatus(handle) != CONNECTION_OK)
                return failed;
        }
    }
}

PostgresClient::MaybeFailure
PostgresClient::run(const QByteArray &sql, const std::vector<QByteArray> &parameters, const QString &what)
{
    PGconn *const connection = handle();
    if (!connection)
        return failure(nullptr, {}, "Qt's driver gives no access to its connection", what);
    QByteArray name;
    if (auto failed = prepare(connection, sql, name, what))
        return failed;
    std::vector<const char *> values;
    values.reserve(parameters.size());
    for (const QByteArray &parameter : parameters)
        values.push_back(parameter.constData());
    if (!PQsendQueryPrepared(connection, name.constData(), int(values.size()), values.data(), nullptr,
                             nullptr, 0))
        return failure(connection, connectionLost, PQerrorMessage(connection), what);
    auto failed = collect(connection, what);
    if (failed)
        m_prepared.remove(sql); // perhaps because somebody has let go of it
    return failed;
}

PostgresClient::MaybeFailure PostgresClient::prepare(PGconn *handle, const QByteArray &sql, QByteArray &name,
                                                     const QString &what)
{
    const int process = PQbackendPID(handle);
    if (m_preparedBy != handle || m_preparedIn != process)
        m_prepared.clear();
    m_preparedBy = handle;
    m_preparedIn = process;
    name = m_prepared.value(sql);
    if (!name.isEmpty())
        return {};
    // After many (each failure costs one), the nameless one, which is replaced each time.
    const bool isKept = m_preparedCount < maxPrepared;
    const QByteArray next = isKept ? "tidemill_" + QByteArray::number(m_preparedCount) : QByteArray();
    if (!PQsendPrepare(handle, next.constData(), sql.constData(), 0, nullptr))
        return failure(handle, connectionLost, PQerrorMessage(handle), what);
    if (auto failed = collect(handle, what))
        return failed;
    if (isKept) {
        ++m_preparedCount;
        m_prepared.insert(sql, next);
    }
    name = next;
    return {};
}

PostgresClient::MaybeFailure PostgresClient::runAll(const QByteArray &sql, QByteArrayList &row,
                                                    const QString &what) const
{
    PGconn *const connection = handle();
    if (!connection)
        return failure(nullptr, {}, "Qt's driver gives no access to its connection", what);
    if (!PQsendQuery(connection, sql.constData()))
        return failure(connection, connectionLost, PQerrorMessage(connection), what);
    return collect(connection, what, &row);
}

PostgresClient::MaybeFailure PostgresClient::beginCopy(const QByteArray &sql, const QString &what) const
{
    QByteArrayList none;
    return runAll(sql, none, what);
}

PostgresClient::MaybeFailure PostgresClient::copy(const QByteArray &lines, const QString &what) const
{
    PGconn *const connection = handle();
    if (PQputCopyData(connection, lines.constData(), int(lines.size())) == 1)
        return {};
    return failure(connection, connectionLost, PQerrorMessage(connection), what);
}

PostgresClient::MaybeFailure PostgresClient::endCopy(const QString &what) const
{
    PGconn *const connection = handle();
    if (PQputCopyEnd(connection, nullptr) != 1)
        return failure(connection, connectionLost, PQerrorMessage(connection), what);
    return collect(connection, what);
}

PostgresClient::MaybeFailure PostgresClient::commit() const
{
    QByteArrayList none;
    return runAll("COMMIT", none, QStringLiteral("cannot commit"));
}

void PostgresClient::rollBack() const
{
    QByteArrayList none;
    PGconn *const connection = handle();
    const auto status = connection ? PQtransactionStatus(connection) : PQTRANS_UNKNOWN;
    if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR)
        (void)runAll("ROLLBACK", none, QStringLiteral("cannot roll back"));
}

} // namespace tidemill::sql
