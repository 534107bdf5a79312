// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "postgres_client.h"
#include "postgres_text.h"
#include "store.h"

#include <span>

namespace tidemill::sql {

// PostgreSQL: many rows a statement, so that a row costs neither a round trip nor a plan. INSERT ... SELECT
// FROM unnest(arrays), the arrays being parameters, one for each column; or COPY.
class PostgresStore final : public Store
{
public:
    using Store::Store;
    ~PostgresStore() override { close(); }

protected:
    Result<> writeGroup(const std::vector<TableWork> &group, std::vector<BadRow> &bad) override;

private:
    struct Row
    {
        const Batch *batch;
        qsizetype index;
    };

    // Each is tried if the one before met a row that the database refuses.
    enum class Way {
        Copy,    // all events at once; one of them that is there already, or is bad, stops all
        Insert,  // passes over what is there already
        Careful, // with a savepoint in front of each statement, so that bad rows can be found and left out
    };

    using MaybeFailure = PostgresClient::MaybeFailure;

    bool canCopy(const std::vector<TableWork> &group) const;
    // All that a group holds in one statement needs no transaction around it.
    bool fitsOneStatement(const std::vector<TableWork> &group) const;
    MaybeFailure writeOnce(const std::vector<TableWork> &group, Way way, std::vector<BadRow> &bad);
    MaybeFailure begin(const std::vector<TableWork> &group);
    MaybeFailure writeTables(const std::vector<TableWork> &group, Way way, std::vector<BadRow> &bad);

    MaybeFailure copyRows(const TablePlan &plan, std::span<const Row> rows, std::vector<BadRow> &bad);
    void appendLine(const TablePlan &plan, const Row &row, std::vector<BadRow> &bad);

    MaybeFailure insertRows(const TablePlan &plan, std::span<const Row> rows, Way way,
                            std::vector<BadRow> &bad);
    MaybeFailure insert(const TablePlan &plan, Way way);
    // Makes the next statement's values from the first rows, as many as it has room for; returns how many
    // that were. `taken` gets those that are in it, `bad` the others.
    std::size_t fillArrays(const TablePlan &plan, std::span<const Row> rows, std::vector<Row> &taken,
                           std::vector<BadRow> &bad);
    bool appendRow(const TablePlan &plan, const Row &row, std::vector<BadRow> &bad);

    // A column's array as text, while it grows: {a,b,
    struct Elements
    {
        QByteArray text;
        qsizetype rowBegin = 0; // where the row begins that is being appended
    };

    std::vector<Elements> m_arrays; // one for each column of the plan; empty for those without values
    QByteArray m_lines;             // of a copy, not sent yet
    int m_searchesLeft = 0;         // statements that may fail while a group's bad rows are looked for
    PostgresText m_text;
    PostgresClient m_client{m_connection};
};

} // namespace tidemill::sql
