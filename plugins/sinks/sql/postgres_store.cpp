// SPDX-License-Identifier: Apache-2.0
#include "postgres_store.h"

#include <QHash>

#include <algorithm>

namespace tidemill::sql {

namespace {

// A statement is parsed as a whole, so it should not grow without end; more rows than these gain nothing.
constexpr std::size_t maxRows = 5000;
constexpr qsizetype maxBytes = 4 << 20;

// Names and words, as most texts are: nothing in them needs an escape, and the array's literal needs no
// quotes for them (but for the word NULL).
bool isPlainWord(QByteArrayView text)
{
    return !text.isEmpty() && text.compare(QByteArrayView("null"), Qt::CaseInsensitive) != 0 &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-';
           });
}

// Text inside an array's literal. False if it cannot be stored.
bool appendQuoted(QByteArray &out, QByteArrayView text)
{
    if (isPlainWord(text)) {
        out.append(text);
        return true;
    }
    QByteArray repaired; // the server refuses what is not UTF-8
    if (!text.isValidUtf8()) {
        repaired = QString::fromUtf8(text).toUtf8();
        text = repaired;
    }
    out.append('"');
    for (const char c : text) {
        if (c == '\0')
            return false;
        if (c == '"' || c == '\\')
            out.append('\\');
        out.append(c);
    }
    out.append('"');
    return true;
}

// INSERT for the plan, with the array of each inserted column as a parameter.
QByteArray statement(const TablePlan &plan)
{
    const bool keepsLast = plan.kind == RecordKind::State;
    QByteArray names;
    QByteArray selected;
    QByteArray arrays;
    QByteArray aliases;
    QHash<QString, QByteArray> aliasOf;
    int parameter = 0;
    for (const Column &column : plan.columns) {
        if (!column.isInserted() && !column.isClock())
            continue;
        names.append(quotedIdentifier(column.name).toUtf8()).append(',');
        if (column.isClock()) {
            selected.append("now(),");
            continue;
        }
        const QByteArray number = QByteArray::number(++parameter);
        aliasOf.insert(column.name, "v.c" + number);
        selected.append("v.c").append(number).append(',');
        aliases.append('c').append(number).append(',');
        const QString type =
            column.castType.isEmpty() ? declaration(column.type, Dialect::PostgreSql) : column.castType;
        arrays.append('$').append(number).append("::").append(type.toUtf8()).append("[],");
    }
    for (QByteArray *list : {&names, &selected, &arrays, &aliases})
        list->chop(1);

    QByteArray key;
    for (const QString &column : plan.key)
        key.append(aliasOf.value(column)).append(',');
    key.chop(1);

    QByteArray sql;
    sql.append("INSERT INTO ").append(quotedTable(plan.table, Dialect::PostgreSql).toUtf8());
    sql.append(" (").append(names).append(") SELECT ");
    // One statement may not change a row twice; of a state that came several times the last one counts.
    if (keepsLast)
        sql.append("DISTINCT ON (").append(key).append(") ");
    sql.append(selected).append(" FROM unnest(").append(arrays).append(keepsLast ? ") WITH ORDINALITY" : ")");
    sql.append(" AS v (").append(aliases).append(keepsLast ? ", position) ORDER BY " : ")");
    if (keepsLast)
        sql.append(key).append(", v.position DESC");
    sql.append(plan.conflictClause(QStringLiteral("now()")).toUtf8());
    return sql;
}

} // namespace

Result<> PostgresStore::writeGroup(const std::vector<TableWork> &group, QStringList &rejected)
{
    MaybeFailure failure;
    for (const Mode mode : {Mode::Fast, Mode::Careful}) {
        rejected.clear();
        const bool alone = mode == Mode::Fast && fitsOneStatement(group);
        if (!alone) {
            if (auto begun = m_connection.execute(QStringLiteral("BEGIN")); !begun)
                return begun;
        }
        failure = writeTables(group, mode, rejected);
        if (alone && !failure)
            return {};
        if (!failure) {
            auto committed = m_connection.execute(QStringLiteral("COMMIT"));
            if (!committed)
                rollBack();
            return committed;
        }
        if (!alone)
            rollBack();
        if (failure->cause != SqlFailure::Cause::Data)
            break;
    }
    return failure->error;
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

PostgresStore::MaybeFailure PostgresStore::writeTables(const std::vector<TableWork> &group, Mode mode,
                                                       QStringList &rejected)
{
    std::vector<Row> rows;
    for (const TableWork &work : group) {
        rows.clear();
        for (const Batch *batch : work.batches) {
            for (qsizetype index = 0; index < batch->rowCount(); ++index)
                rows.push_back({batch, index});
        }
        if (auto failure = writeRows(*work.plan, rows, mode, rejected))
            return failure;
    }
    return {};
}

PostgresStore::MaybeFailure PostgresStore::writeRows(const TablePlan &plan, std::span<const Row> rows,
                                                     Mode mode, QStringList &rejected)
{
    std::vector<Row> taken;
    while (!rows.empty()) {
        rows = rows.subspan(fillArrays(plan, rows, taken, rejected));
        if (taken.empty())
            continue;
        MaybeFailure failure = insert(plan, mode);
        if (!failure)
            continue;
        if (failure->cause != SqlFailure::Cause::Data || mode == Mode::Fast)
            return failure;
        if (taken.size() == 1) {
            rejected.append(
                describeRow(plan, *taken.front().batch, taken.front().index, failure->error.message));
            continue;
        }
        const std::span<const Row> all(taken);
        for (const auto half : {all.first(all.size() / 2), all.subspan(all.size() / 2)}) {
            if (auto found = writeRows(plan, half, mode, rejected))
                return found;
        }
    }
    return {};
}

PostgresStore::MaybeFailure PostgresStore::insert(const TablePlan &plan, Mode mode)
{
    const QString what = QStringLiteral("cannot insert into table ") + plan.table;
    std::vector<QByteArray> arrays;
    for (std::size_t i = 0; i < plan.columns.size(); ++i) {
        if (!plan.columns[i].isInserted())
            continue;
        m_arrays[i].text.back() = '}';      // in the place of the last comma
        arrays.push_back(m_arrays[i].text); // shared, not copied
    }
    const auto run = [&](const char *sql) -> MaybeFailure { return m_client.run(sql, {}, what); };
    if (mode == Mode::Fast)
        return m_client.run(statement(plan), arrays, what);

    if (auto failure = run("SAVEPOINT before_rows"))
        return failure;
    MaybeFailure failure = m_client.run(statement(plan), arrays, what);
    if (failure && failure->cause != SqlFailure::Cause::Data)
        return failure;
    auto ended = run(failure ? "ROLLBACK TO SAVEPOINT before_rows" : "RELEASE SAVEPOINT before_rows");
    return ended ? ended : failure;
}

std::size_t PostgresStore::fillArrays(const TablePlan &plan, std::span<const Row> rows,
                                      std::vector<Row> &taken, QStringList &rejected)
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
        QString why;
        if (!appendRow(plan, row, why)) {
            rejected.append(describeRow(plan, *row.batch, row.index, why));
            continue;
        }
        taken.push_back(row);
        bytes = 0;
        for (const Elements &array : m_arrays)
            bytes += array.text.size();
    }
    return seen;
}

bool PostgresStore::appendRow(const TablePlan &plan, const Row &row, QString &why)
{
    for (std::size_t i = 0; i < plan.columns.size(); ++i) {
        if (!plan.columns[i].isInserted())
            continue;
        Elements &array = m_arrays[i];
        array.rowBegin = array.text.size();
        if (appendElement(array.text, plan.columns[i], row, why)) {
            array.text.append(',');
            continue;
        }
        why = QStringLiteral("the column %1 cannot hold %2").arg(plan.columns[i].name, why);
        for (std::size_t begun = 0; begun <= i; ++begun)
            m_arrays[begun].text.truncate(m_arrays[begun].rowBegin);
        return false;
    }
    return true;
}

bool PostgresStore::appendElement(QByteArray &array, const Column &column, const Row &row, QString &why)
{
    const Batch &batch = *row.batch;
    if (column.type == ColumnType::Bytes) {
        const auto bytes = batch.value<Bytes>(row.index, *column.field);
        array.append("\"\\\\x").append(batch.bytes(bytes).toByteArray().toHex()).append('"');
        return true;
    }
    const bool isQuoted = column.type == ColumnType::Text || column.type == ColumnType::Json;
    QByteArray &text = isQuoted ? m_text : array;
    const qsizetype before = array.size();
    m_text.truncate(0);
    switch (appendValue(text, column, batch, row.index)) {
    case Presence::Null:
        array.truncate(before);
        array.append("NULL");
        return true;
    case Presence::Unstorable:
        why = unstorableText(column, batch, row.index);
        return false;
    case Presence::Value:
        break;
    }
    if (isQuoted && !appendQuoted(array, m_text)) {
        why = QStringLiteral("a NUL character");
        return false;
    }
    return true;
}

} // namespace tidemill::sql
