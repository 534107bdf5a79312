// SPDX-License-Identifier: Apache-2.0
#include "postgres_statement.h"

#include "catalog.h"

#include <QHash>

namespace tidemill::sql {

namespace {

// Fails if the table has changed: a fingerprint is never an integer.
QByteArray guard(const TablePlan &plan)
{
    return QStringLiteral(" WHERE (SELECT CASE WHEN f.print = %1 THEN true ELSE f.print::int::boolean END "
                          "FROM (SELECT %2 AS print) AS f)")
        .arg(quotedLiteral(QString::fromLatin1(plan.fingerprint)), fingerprintOf(plan.table))
        .toUtf8();
}

// Among states of one key. If one of them has no time then nothing is known but the order in which they came.
QByteArray newestFirst(const TablePlan &plan, const QByteArray &key,
                       const QHash<QString, QByteArray> &aliasOf)
{
    QByteArray order;
    if (!plan.closedBy.isEmpty())
        order.append(", ").append(aliasOf.value(plan.closedBy)).append(" DESC");
    if (!plan.newerBy.isEmpty()) {
        const QByteArray time = aliasOf.value(plan.newerBy);
        order.append(", CASE WHEN every(" + time + " IS NOT NULL) OVER (PARTITION BY " + key + ") THEN " +
                     time + " END DESC");
    }
    return order;
}

} // namespace

QByteArray insertStatement(const TablePlan &plan)
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
    // One statement may not change a row twice; of a state that came several times the newest one counts.
    if (keepsLast)
        sql.append("DISTINCT ON (").append(key).append(") ");
    sql.append(selected).append(" FROM unnest(").append(arrays).append(keepsLast ? ") WITH ORDINALITY" : ")");
    sql.append(" AS v (").append(aliases).append(keepsLast ? ", position)" : ")");
    sql.append(guard(plan));
    if (keepsLast)
        sql.append(" ORDER BY ")
            .append(key)
            .append(newestFirst(plan, key, aliasOf))
            .append(", v.position DESC");
    sql.append(plan.conflictClause(QStringLiteral("now()"), Dialect::PostgreSql).toUtf8());
    return sql;
}

QByteArray copyStatement(const TablePlan &plan)
{
    QByteArray names;
    for (const Column &column : plan.columns) {
        if (column.isInserted() || column.isClock())
            names.append(quotedIdentifier(column.name).toUtf8()).append(',');
    }
    names.chop(1);
    return "COPY " + quotedTable(plan.table, Dialect::PostgreSql).toUtf8() + " (" + names + ") FROM STDIN";
}

} // namespace tidemill::sql
