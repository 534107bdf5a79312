// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "column_value.h"
#include "postgres_client.h"
#include "store.h"

#include <optional>
#include <span>

namespace tidemill::sql {

// PostgreSQL: INSERT ... SELECT FROM unnest(arrays), many rows a statement, so that a row costs neither a
// round trip nor a plan. The arrays are parameters, one for each column.
class PostgresStore final : public Store
{
public:
    using Store::Store;
    ~PostgresStore() override { close(); }

protected:
    Result<> writeGroup(const std::vector<TableWork> &group, QStringList &rejected) override;

private:
    struct Row
    {
        const Batch *batch;
        qsizetype index;
    };

    // With a savepoint in front of each statement a bad row can be found and left out. That costs round trips
    // and happens only to a group that has one.
    enum class Mode { Fast, Careful };

    using MaybeFailure = std::optional<SqlFailure>;

    MaybeFailure writeTables(const std::vector<TableWork> &group, Mode mode, QStringList &rejected);
    MaybeFailure writeRows(const TablePlan &plan, std::span<const Row> rows, Mode mode,
                           QStringList &rejected);
    MaybeFailure insert(const TablePlan &plan, Mode mode);

    // Makes the next statement's values from the first rows, as many as it has room for; returns how many
    // that were. `taken` gets those that are in it, `rejected` says what is wrong with the others.
    std::size_t fillArrays(const TablePlan &plan, std::span<const Row> rows, std::vector<Row> &taken,
                           QStringList &rejected);
    // False, with the reason, if a value cannot be stored; then no array has anything of the row.
    bool appendRow(const TablePlan &plan, const Row &row, QString &why);
    bool appendElement(QByteArray &array, const Column &column, const Row &row, QString &why);
    // All that a group holds in one statement needs no transaction around it.
    bool fitsOneStatement(const std::vector<TableWork> &group) const;

    // A column's array as text, while it grows: {a,b,
    struct Elements
    {
        QByteArray text;
        qsizetype rowBegin = 0; // where the row begins that is being appended
    };

    std::vector<Elements> m_arrays; // one for each column of the plan; empty for those without values
    QByteArray m_text;
    PostgresClient m_client{m_connection};
};

} // namespace tidemill::sql
