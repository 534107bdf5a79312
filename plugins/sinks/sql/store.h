// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.h"
#include "hypertable.h"
#include "table_plan.h"

#include <tidemill/node.h>

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

// A row that was not stored.
struct BadRow
{
    const Batch *batch = nullptr;
    RowFailure failure;
};

struct StoreSettings
{
    enum class Mode {
        Upsert,
        Append, // events in bulk, as long as none of them is there already
    };

    DatabaseUrl url;
    std::chrono::milliseconds connectTimeout{5000};
    bool create = true; // tables that are missing
    Mode mode = Mode::Upsert;
    HypertableWish hypertable;
};

// Writes groups of batches into a database, each group in one transaction. Used in one thread.
class Store
{
public:
    static std::unique_ptr<Store> make(const StoreSettings &settings);
    explicit Store(const StoreSettings &settings);
    virtual ~Store() = default;
    Q_DISABLE_COPY_MOVE(Store)

    // Connects if need be and looks at tables not seen yet. Success: everything is committed but for the bad
    // rows. Error: nothing is, or, if the connection broke at the last moment, perhaps everything; the key
    // makes it harmless to write the group again.
    Result<> write(const std::vector<TableWork> &group, std::vector<BadRow> &bad);
    void close();

protected:
    // From begin to commit; after a failure there must be no open transaction unless the connection is lost.
    virtual Result<> writeGroup(const std::vector<TableWork> &group, std::vector<BadRow> &bad) = 0;
    // Statements that belong to the connection.
    virtual void forgetStatements() {}

    // Said by writeGroup() when it fails because a table is not what it was.
    void noteChange() { m_hasChanged = true; }

    const StoreSettings m_settings;
    Connection m_connection;

private:
    Result<> prepareTables(const std::vector<TableWork> &group);
    void forget();

    bool m_hasChanged = false;
    std::unordered_set<const TablePlan *> m_ready; // tables that have been looked at on this connection
};

// No retry can store it, for that reason.
BadRow badRow(const TablePlan &plan, const Batch &batch, qsizetype row, const QString &why);
// The same for a value that the column cannot hold.
BadRow badValue(const TablePlan &plan, const Column &column, const Batch &batch, qsizetype row,
                const QString &value);

} // namespace tidemill::sql
