// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.h"
#include "table_plan.h"

#include <tidemill/batch.h>

#include <memory>
#include <unordered_set>
#include <vector>

namespace tidemill::sql {

// The batches of a group that go to one table.
struct TableWork
{
    TablePlan *plan = nullptr;
    std::vector<const Batch *> batches;
};

// Writes groups of batches into a database, each group in one transaction. Used in one thread.
class Store
{
public:
    static std::unique_ptr<Store> make(const DatabaseUrl &url, std::chrono::milliseconds connectTimeout,
                                       bool create);
    Store(const DatabaseUrl &url, std::chrono::milliseconds connectTimeout, bool create);
    virtual ~Store() = default;
    Q_DISABLE_COPY_MOVE(Store)

    // Connects if need be and looks at tables not seen yet. Success: everything is committed, but for the
    // rows that no retry could store; `rejected` says of each what was wrong with it. Error: nothing is.
    Result<> write(const std::vector<TableWork> &group, QStringList &rejected);
    void close();

protected:
    // From begin to commit; after a failure there must be no open transaction unless the connection is lost.
    virtual Result<> writeGroup(const std::vector<TableWork> &group, QStringList &rejected) = 0;
    // Statements that belong to the connection.
    virtual void forgetStatements() {}

    void rollBack();

    Connection m_connection;

private:
    void forget();

    bool m_create;
    std::unordered_set<const TablePlan *> m_ready; // tables that have been looked at on this connection
};

// For the log: which record, of which table, and why.
QString describeRow(const TablePlan &plan, const Batch &batch, qsizetype row, const QString &why);

} // namespace tidemill::sql
