// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "column_value.h"
#include "store.h"

#include <QVariant>

#include <unordered_map>

namespace tidemill::sql {

// SQLite: one prepared insert for each row. A row costs little more than binding its values, and looking
// whether it is there already costs nothing on top, so to append is the same.
class SqliteStore final : public Store
{
public:
    using Store::Store;
    ~SqliteStore() override { close(); }

protected:
    Result<> writeGroup(const std::vector<TableWork> &group, std::vector<BadRow> &bad) override;
    void forgetStatements() override { m_inserts.clear(); }

private:
    struct Insert
    {
        QSqlQuery query;
        std::vector<const Column *> columns;          // those that have a value to bind
        std::vector<std::vector<QVariant>> enumNames; // for each of them
    };

    Result<> checkTables(const std::vector<TableWork> &group);
    Result<> writeTable(const TableWork &work, std::vector<BadRow> &bad);
    Result<Insert *> insertInto(const TablePlan &plan);
    // The column that has a value that cannot be stored, if there is one.
    const Column *bindRow(Insert &insert, const Batch &batch, qsizetype row);
    Presence makeValue(QVariant &value, const Insert &insert, std::size_t index, const Batch &batch,
                       qsizetype row);
    const QVariant &nameOf(Symbol symbol);

    std::unordered_map<const TablePlan *, Insert> m_inserts;
    std::vector<QVariant> m_names; // by the id of the symbol
    QByteArray m_text;
};

} // namespace tidemill::sql
