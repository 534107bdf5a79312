// SPDX-License-Identifier: Apache-2.0
#include "sqlite_store.h"

#include "bound_values.h"
#include "catalog.h"

namespace tidemill::sql {

namespace {

// An empty QString that is null would become NULL.
QVariant textVariant(QByteArrayView utf8)
{
    return utf8.isEmpty() ? QVariant(QLatin1String("")) : QVariant(QString::fromUtf8(utf8));
}

} // namespace

Result<> SqliteStore::writeGroup(const std::vector<TableWork> &group, std::vector<BadRow> &bad)
{
    // At once for writing: a reader that becomes a writer can be refused halfway.
    auto done = m_connection.execute(QStringLiteral("BEGIN IMMEDIATE"));
    if (!done)
        return done;
    done = checkTables(group);
    for (const TableWork &work : group) {
        if (done)
            done = writeTable(work, bad);
    }
    if (done)
        done = m_connection.execute(QStringLiteral("COMMIT"));
    if (!done) {
        m_inserts.clear(); // what is still reading would keep the transaction open
        // Without the connection there is no transaction either.
        if (m_connection.isOpen())
            static_cast<void>(m_connection.execute(QStringLiteral("ROLLBACK")).has_value());
    }
    return done;
}

// The same insert into a table that somebody has made anew could store something else.
Result<> SqliteStore::checkTables(const std::vector<TableWork> &group)
{
    QSqlQuery version = m_connection.query();
    if (!version.exec(QLatin1String(sqliteVersion)) || !version.next())
        return m_connection.failure(version.lastError(), QStringLiteral("cannot read its version")).error;
    const QByteArray print = version.value(0).toByteArray();
    for (const TableWork &work : group) {
        if (work.plan->fingerprint == print)
            continue;
        noteChange();
        return Error{
            Error::Kind::Storage,
            QStringLiteral("cannot write into table %1: somebody is changing it").arg(work.plan->table)};
    }
    return {};
}

Result<> SqliteStore::writeTable(const TableWork &work, std::vector<BadRow> &bad)
{
    const auto insert = insertInto(*work.plan);
    if (!insert)
        return insert.error();
    for (const Batch *batch : work.batches) {
        for (qsizetype row = 0; row < batch->rowCount(); ++row) {
            if (const Column *column = bindRow(**insert, *batch, row)) {
                bad.push_back(
                    badValue(*work.plan, *column, *batch, row, unstorableText(*column, *batch, row)));
                continue;
            }
            if ((*insert)->query.exec())
                continue;
            const SqlFailure failure = m_connection.failure(
                (*insert)->query.lastError(), QStringLiteral("cannot insert into table ") + work.plan->table);
            if (failure.cause != SqlFailure::Cause::Data)
                return failure.error;
            bad.push_back(badRow(*work.plan, *batch, row, failure.error.message)); // SQLite undid this only
        }
    }
    return {};
}

Result<SqliteStore::Insert *> SqliteStore::insertInto(const TablePlan &plan)
{
    if (const auto known = m_inserts.find(&plan); known != m_inserts.end())
        return &known->second;

    const QString clock = QStringLiteral("strftime('%Y-%m-%d %H:%M:%f000', 'now')");
    Insert insert{m_connection.query(), {}, {}};
    QStringList names;
    QStringList values;
    for (const Column &column : plan.columns) {
        if (!column.isInserted() && !column.isClock())
            continue;
        names.append(quotedIdentifier(column.name));
        values.append(column.isClock() ? clock : QStringLiteral("?"));
        if (!column.isInserted())
            continue;
        insert.columns.push_back(&column);
        auto &enumNames = insert.enumNames.emplace_back();
        for (const std::string_view name :
             column.field ? column.field->enumNames : std::span<const std::string_view>())
            enumNames.push_back(textVariant(QByteArrayView(name.data(), qsizetype(name.size()))));
    }
    const bool prepared = insert.query.prepare(
        QStringLiteral("INSERT INTO %1 (%2) VALUES (%3)%4")
            .arg(quotedTable(plan.table, Dialect::Sqlite), names.join(QLatin1String(", ")),
                 values.join(QLatin1String(", ")), plan.conflictClause(clock, Dialect::Sqlite)));
    if (!prepared)
        return m_connection
            .failure(insert.query.lastError(), QStringLiteral("cannot insert into table ") + plan.table)
            .error;
    bindPlaces(insert.query, int(insert.columns.size()));
    return &m_inserts.emplace(&plan, std::move(insert)).first->second;
}

const Column *SqliteStore::bindRow(Insert &insert, const Batch &batch, qsizetype row)
{
    for (std::size_t i = 0; i < insert.columns.size(); ++i) {
        QVariant value;
        if (makeValue(value, insert, i, batch, row) == Presence::Unstorable)
            return insert.columns[i];
        setBoundValue(insert.query, int(i), std::move(value));
    }
    return nullptr;
}

Presence SqliteStore::makeValue(QVariant &value, const Insert &insert, std::size_t index, const Batch &batch,
                                qsizetype row)
{
    const Column &column = *insert.columns[index];
    const FieldType type = column.field ? column.field->type : FieldType::Text;
    // The frequent types go without text in between, and names are made once.
    if (type == FieldType::Int64 && column.type == ColumnType::Bigint) {
        value = qlonglong(batch.value<qint64>(row, *column.field));
    } else if (type == FieldType::Timestamp && column.type == ColumnType::Bigint) {
        const auto time = batch.value<Timestamp>(row, *column.field);
        if (!time.isNull() || column.inKey)
            value = qlonglong(time.ns);
    } else if (type == FieldType::Symbol) {
        const auto symbol = batch.value<Symbol>(row, *column.field);
        if (!symbol.isNull() || column.inKey)
            value = nameOf(symbol);
    } else if (type == FieldType::Enum) {
        const auto number = batch.value<quint8>(row, *column.field);
        const auto &names = insert.enumNames[index];
        value = number < names.size() ? names[number] : textVariant({});
    } else if (type == FieldType::Bool && column.type == ColumnType::Boolean) {
        value = int(batch.value<quint8>(row, *column.field) != 0);
    } else if (type == FieldType::Bytes) {
        const QByteArrayView bytes = batch.bytes(batch.value<Bytes>(row, *column.field));
        value = bytes.isEmpty() ? QByteArray("") : bytes.toByteArray();
    } else {
        m_text.truncate(0);
        const Presence presence = appendValue(m_text, column, batch, row);
        if (presence != Presence::Value)
            return presence;
        value = column.type == ColumnType::Double ? QVariant(m_text.toDouble()) : textVariant(m_text);
    }
    return Presence::Value;
}

const QVariant &SqliteStore::nameOf(Symbol symbol)
{
    if (m_names.size() <= symbol.id())
        m_names.resize(symbol.id() + 1);
    QVariant &name = m_names[symbol.id()];
    if (!name.isValid())
        name = textVariant(symbol.name());
    return name;
}

} // namespace tidemill::sql
