// SPDX-License-Identifier: Apache-2.0
#include "postgres_store.h"

#include "catalog.h"
#include "postgres_statement.h"

#include <algorithm>

namespace tidemill::sql {

namespace {

// A statement is parsed as a whole, so it should not grow without end; more rows than these gain nothing.
constexpr std::size_t maxRows = 5000;
constexpr qsizetype maxBytes = 4 << 20;
// Of a copy, handed over at once.
constexpr qsizetype lineBytes = 128 << 10;
// Of a group that is bad from end to end, no more statements than these are tried at once; what they did not
// get to comes again.
constexpr int maxSearches = 1000;

} // namespace

Result<> PostgresStore::writeGroup(const std::vector<TableWork> &group, std::vector<BadRow> &bad)
{
    m_searchesLeft = maxSearches;
    MaybeFailure failure;
    for (const Way way : {Way::Copy, Way::Insert, Way::Careful}) {
        if (way == Way::Copy && !canCopy(group))
            continue;
        bad.clear();
        failure = writeOnce(group, way, bad);
        if (!failure)
            return {};
        if (failure->cause != SqlFailure::Cause::Data)
            break;
    }
    if (failure->cause == SqlFailure::Cause::Table)
        noteChange();
    return failure->error;
}

// A state changes rows that are there, which COPY cannot.
bool PostgresStore::canCopy(const std::vector<TableWork> &group) const
{
    return m_settings.mode == StoreSettings::Mode::Append &&
           std::any_of(group.begin(), group.end(),
                       [](const TableWork &work) { return work.plan->kind == RecordKind::Event; });
}

bool PostgresStore::fitsOneStatement(const std::vector<TableWork> &group) const
{
    std::size_t rows = 0;
    std::size_t bytes = 0;
    for (const TableWork &work : group) {
        for (const Batch *batch : work.batches) {
            rows += std::size_t(batch->rowCount());
            bytes += batch->byteSize();
        }
    }
    // As text a row takes less than four times what it takes in memory, but for what is escaped.
    return group.size() == 1 && rows <= maxRows && bytes < std::size_t(maxBytes) / 4;
}

PostgresStore::MaybeFailure PostgresStore::writeOnce(const std::vector<TableWork> &group, Way way,
                                                     std::vector<BadRow> &bad)
{
    if (way == Way::Insert && fitsOneStatement(group))
        return writeTables(group, way, bad);
    MaybeFailure failure = begin(group);
    if (!failure)
        failure = writeTables(group, way, bad);
    if (!failure)
        failure = m_client.commit();
    if (failure)
        m_client.rollBack();
    return failure;
}

// Sees to it that the tables are those that the plans were made for, and stay so until the end.
PostgresStore::MaybeFailure PostgresStore::begin(const std::vector<TableWork> &group)
{
    QStringList tables;
    QStringList locks;
    QStringList prints;
    for (const TableWork &work : group) {
        tables.append(work.plan->table);
        // ONLY: a hypertable may have more chunks than a transaction can have locks.
        locks.append(QStringLiteral("LOCK TABLE ONLY %1 IN ROW EXCLUSIVE MODE; ")
                         .arg(quotedTable(work.plan->table, Dialect::PostgreSql)));
        prints.append(fingerprintOf(work.plan->table));
    }
    const QString what = QStringLiteral("cannot write into table ") + tables.join(QLatin1String(", "));
    QByteArrayList found;
    const QString sql = QStringLiteral("BEGIN; %1SELECT %2").arg(locks.join(QString()), prints.join(u','));
    if (auto failure = m_client.runAll(sql.toUtf8(), found, what))
        return failure;
    for (std::size_t i = 0; i < group.size(); ++i) {
        if (found.value(qsizetype(i)) == group[i].plan->fingerprint)
            continue;
        return SqlFailure{SqlFailure::Cause::Table,
                          {Error::Kind::Storage, what + QLatin1String(": somebody is changing it")}};
    }
    return {};
}

PostgresStore::MaybeFailure PostgresStore::writeTables(const std::vector<TableWork> &group, Way way,
                                                       std::vector<BadRow> &bad)
{
    std::vector<Row> rows;
    for (const TableWork &work : group) {
        rows.clear();
        for (const Batch *batch : work.batches) {
            for (qsizetype index = 0; index < batch->rowCount(); ++index)
                rows.push_back({batch, index});
        }
        const bool isCopied = way == Way::Copy && work.plan->kind == RecordKind::Event;
        auto failure = isCopied ? copyRows(*work.plan, rows, bad) : insertRows(*work.plan, rows, way, bad);
        if (failure)
            return failure;
    }
    return {};
}

PostgresStore::MaybeFailure PostgresStore::copyRows(const TablePlan &plan, std::span<const Row> rows,
                                                    std::vector<BadRow> &bad)
{
    const QString what = QStringLiteral("cannot copy into table ") + plan.table;
    if (auto failure = m_client.beginCopy(copyStatement(plan), what))
        return failure;
    m_lines.truncate(0);
    for (const Row &row : rows) {
        appendLine(plan, row, bad);
        if (m_lines.size() < lineBytes)
            continue;
        if (auto failure = m_client.copy(m_lines, what))
            return failure;
        m_lines.truncate(0);
    }
    if (auto failure = m_client.copy(m_lines, what))
        return failure;
    return m_client.endCopy(what);
}

void PostgresStore::appendLine(const TablePlan &plan, const Row &row, std::vector<BadRow> &bad)
{
    const qsizetype begin = m_lines.size();
    for (const Column &column : plan.columns) {
        if (column.isClock())
            m_lines.append("now\t");
        if (!column.isInserted())
            continue;
        QString why;
        if (!m_text.append(m_lines, PostgresText::Form::Field, column, *row.batch, row.index, why)) {
            bad.push_back(badValue(plan, column, *row.batch, row.index, why));
            m_lines.truncate(begin);
            return;
        }
        m_lines.append('\t');
    }
    m_lines.back() = '\n'; // in the place of the last tab
}

PostgresStore::MaybeFailure PostgresStore::insertRows(const TablePlan &plan, std::span<const Row> rows,
                                                      Way way, std::vector<BadRow> &bad)
{
    std::vector<Row> taken;
    while (!rows.empty()) {
        rows = rows.subspan(fillArrays(plan, rows, taken, bad));
        if (taken.empty())
            continue;
        const MaybeFailure failure = insert(plan, way);
        if (!failure)
            continue;
        if (failure->cause != SqlFailure::Cause::Data || way != Way::Careful)
            return failure;
        --m_searchesLeft;
        if (taken.size() == 1 || m_searchesLeft <= 0) {
            for (const Row &row : taken) {
                bad.push_back(badRow(plan, *row.batch, row.index, failure->error.message));
                bad.back().failure.isFinal = taken.size() == 1;
            }
            continue;
        }
        const std::span<const Row> all(taken);
        for (const auto half : {all.first(all.size() / 2), all.subspan(all.size() / 2)}) {
            if (auto found = insertRows(plan, half, way, bad))
                return found;
        }
    }
    return {};
}

PostgresStore::MaybeFailure PostgresStore::insert(const TablePlan &plan, Way way)
{
    const QString what = QStringLiteral("cannot insert into table ") + plan.table;
    std::vector<QByteArray> arrays;
    for (std::size_t i = 0; i < plan.columns.size(); ++i) {
        if (!plan.columns[i].isInserted())
            continue;
        m_arrays[i].text.back() = '}';      // in the place of the last comma
        arrays.push_back(m_arrays[i].text); // shared, not copied
    }
    QByteArrayList none;
    const auto run = [&](const char *sql) -> MaybeFailure { return m_client.runAll(sql, none, what); };
    if (way != Way::Careful)
        return m_client.run(insertStatement(plan), arrays, what);

    if (auto failure = run("SAVEPOINT before_rows"))
        return failure;
    MaybeFailure failure = m_client.run(insertStatement(plan), arrays, what);
    if (failure && failure->cause != SqlFailure::Cause::Data)
        return failure;
    auto ended = run(failure ? "ROLLBACK TO SAVEPOINT before_rows" : "RELEASE SAVEPOINT before_rows");
    return ended ? ended : failure;
}

std::size_t PostgresStore::fillArrays(const TablePlan &plan, std::span<const Row> rows,
                                      std::vector<Row> &taken, std::vector<BadRow> &bad)
{
    taken.clear();
    m_arrays.resize(plan.columns.size());
    for (Elements &array : m_arrays) {
        array.text.truncate(0); // keeps its memory
        array.text.append('{');
    }
    qsizetype bytes = 0;
    std::size_t seen = 0;
    while (seen < rows.size() && taken.size() < maxRows && bytes < maxBytes) {
        const Row &row = rows[seen++];
        if (!appendRow(plan, row, bad))
            continue;
        taken.push_back(row);
        bytes = 0;
        for (const Elements &array : m_arrays)
            bytes += array.text.size();
    }
    return seen;
}

// If a value cannot be stored then no array has anything of the row.
bool PostgresStore::appendRow(const TablePlan &plan, const Row &row, std::vector<BadRow> &bad)
{
    for (std::size_t i = 0; i < plan.columns.size(); ++i) {
        const Column &column = plan.columns[i];
        if (!column.isInserted())
            continue;
        Elements &array = m_arrays[i];
        array.rowBegin = array.text.size();
        QString why;
        if (m_text.append(array.text, PostgresText::Form::Element, column, *row.batch, row.index, why)) {
            array.text.append(',');
            continue;
        }
        bad.push_back(badValue(plan, column, *row.batch, row.index, why));
        for (std::size_t begun = 0; begun <= i; ++begun)
            m_arrays[begun].text.truncate(m_arrays[begun].rowBegin);
        return false;
    }
    return true;
}

} // namespace tidemill::sql
