// SPDX-License-Identifier: Apache-2.0
#include "table_plan.h"

#include <tidemill/records.h>

#include <algorithm>

namespace tidemill::sql {

namespace {

QString text(std::string_view name)
{
    return QString::fromUtf8(name.data(), qsizetype(name.size()));
}

// Makes a plan and says everything that is wrong, each with its place.
class Planner
{
public:
    Planner(const Schema &schema, const TableMapping &mapping) : m_schema(schema), m_mapping(mapping) {}

    OptionErrors errors;
    TablePlan plan;

    void run()
    {
        plan.table = m_mapping.table;
        plan.kind = m_schema.kind();
        plan.indexes = m_mapping.indexes;
        for (const ColumnMapping &column : m_mapping.columns)
            addMapped(column);
        if (m_mapping.columns.isEmpty()) {
            for (const Field &field : m_schema.fields())
                addField(field);
        }
        plan.key = m_mapping.key;
        if (plan.key.isEmpty())
            addNaturalKey();
        for (Column &column : plan.columns)
            column.inKey = plan.key.contains(column.name);
        plan.time = timeColumn();
        orderStates();
        checkNames(m_mapping.key, QStringLiteral(".key"));
        checkNames(m_mapping.indexes, QStringLiteral(".index"));
    }

private:
    void fail(const QString &path, Place place, const QString &message, const QString &suggestion = {})
    {
        errors.append({path, message, suggestion, place});
    }

    void addMapped(const ColumnMapping &mapped)
    {
        Column column;
        column.name = mapped.name;
        column.text = mapped.text;
        column.type = mapped.type.value_or(ColumnType::Text);
        if (column.text) {
            if (const auto resolved = column.text->resolve(m_schema); !resolved)
                fail(mapped.path, mapped.place, resolved.error().message);
        } else if (!mapped.field.isEmpty()) {
            const int index = m_schema.indexOf(mapped.field.toUtf8());
            if (index < 0) {
                fail(mapped.path, mapped.place,
                     QStringLiteral("%1 has no field '%2'")
                         .arg(QString::fromUtf8(m_schema.name()), mapped.field),
                     nearestName(mapped.field, fieldNames()));
                return;
            }
            column.field = &m_schema.fields()[std::size_t(index)];
            const auto types = typesFor(column.field->type);
            column.type = mapped.type.value_or(types.first());
            if (!types.contains(column.type))
                fail(mapped.path, mapped.place,
                     QStringLiteral("the field %1 (%2) can be stored as %3, not as %4")
                         .arg(mapped.field, text(fieldTypeName(column.field->type)),
                              columnTypeNames(types).join(QLatin1String(", ")), columnTypeName(column.type)));
        }
        plan.columns.push_back(column);
    }

    Column &addField(const Field &field)
    {
        Column column;
        column.name = text(field.name);
        column.field = &field;
        column.type = typesFor(field.type).first();
        return plan.columns.emplace_back(column);
    }

    void addNaturalKey()
    {
        for (const int index : m_schema.key()) {
            const Field &field = m_schema.fields()[std::size_t(index)];
            const auto stored =
                std::find_if(plan.columns.begin(), plan.columns.end(), [&field](const Column &column) {
                    return column.field == &field && isExact(column);
                });
            if (stored != plan.columns.end()) {
                plan.key.append(stored->name);
                continue;
            }
            const QString name = text(field.name);
            if (std::any_of(plan.columns.begin(), plan.columns.end(), [&name](const Column &column) {
                    return column.name.compare(name, Qt::CaseInsensitive) == 0;
                }))
                fail(
                    m_mapping.path, m_mapping.place,
                    QStringLiteral(
                        "the field %1 belongs to the key of %2 and needs a column of its own, but '%1' holds "
                        "something else; store it under another name, or say which columns are the 'key'")
                        .arg(name, QString::fromUtf8(m_schema.name())));
            else
                plan.key.append(addField(field).name);
        }
    }

    static bool isTime(const Column &column)
    {
        return column.field && column.field->type == FieldType::Timestamp && column.type != ColumnType::Text;
    }

    QString timeColumn()
    {
        const auto named = [this](auto isIt) {
            const auto found =
                std::find_if(plan.columns.begin(), plan.columns.end(),
                             [&](const Column &column) { return isTime(column) && isIt(column); });
            return found == plan.columns.end() ? QString() : found->name;
        };
        const bool isState = plan.kind == RecordKind::State;
        if (m_mapping.time.isEmpty()) {
            const QString inKey = named([](const Column &column) { return column.inKey; });
            if (!inKey.isEmpty() || isState)
                return inKey;
            return named([](const Column &column) { return column.field->name == "ts_event"; });
        }
        const QString time = named([this](const Column &column) { return column.name == m_mapping.time; });
        if (time.isEmpty())
            fail(m_mapping.path + QLatin1String(".time"), m_mapping.place,
                 QStringLiteral("no column '%1' that holds a time as bigint, timestamp or timestamptz")
                     .arg(m_mapping.time));
        else if (isState && !plan.key.contains(time))
            fail(
                m_mapping.path + QLatin1String(".time"), m_mapping.place,
                QStringLiteral("%1 is a state that changes in its place, so only a time of its key can be it")
                    .arg(QString::fromUtf8(m_schema.name())));
        return time;
    }

    // Which of two states of the same key is the newer one. A closed candle from history has its own end for
    // ts_event, which may be before that of an open one that was sent late, so that counts first.
    void orderStates()
    {
        // What a gap says about time is not when it was found, or filled.
        if (plan.kind != RecordKind::State || m_schema.name() == schemaOf<Gap>().name())
            return;
        const auto holder = [this](std::string_view field, auto fits) {
            const auto found =
                std::find_if(plan.columns.begin(), plan.columns.end(), [&](const Column &column) {
                    return column.field && column.field->name == field && !column.inKey && fits(column);
                });
            return found == plan.columns.end() ? QString() : found->name;
        };
        plan.closedBy =
            holder("closed", [](const Column &column) { return column.type == ColumnType::Boolean; });
        if (!plan.closedBy.isEmpty() || m_schema.indexOf("closed") < 0)
            plan.newerBy = holder("ts_event", isTime);
    }

    // Two records that differ in the field must differ in the column.
    static bool isExact(const Column &column)
    {
        return column.type != ColumnType::Double && column.type != ColumnType::Timestamp &&
               column.type != ColumnType::Timestamptz;
    }

    void checkNames(const QStringList &names, const QString &where)
    {
        QStringList known;
        for (const Column &column : plan.columns)
            known.append(column.name);
        for (const QString &name : names) {
            if (!known.contains(name))
                fail(m_mapping.path + where, m_mapping.place, QStringLiteral("no column '%1'").arg(name),
                     nearestName(name, known));
        }
    }

    QStringList fieldNames() const
    {
        QStringList names;
        for (const Field &field : m_schema.fields())
            names.append(text(field.name));
        return names;
    }

    const Schema &m_schema;
    const TableMapping &m_mapping;
};

} // namespace

Result<TablePlan> TablePlan::make(const Schema &schema, const TableMapping &mapping)
{
    Planner planner(schema, mapping);
    planner.run();
    if (planner.errors.isEmpty())
        return planner.plan;
    QStringList messages;
    for (const OptionError &error : std::as_const(planner.errors))
        messages.append(error.toString());
    return Error{Error::Kind::Config, messages.join(QLatin1String("; "))};
}

OptionErrors checkMapping(const Schema &schema, const TableMapping &mapping)
{
    Planner planner(schema, mapping);
    planner.run();
    return planner.errors;
}

void TablePlan::setHypertable(bool is)
{
    if (is == isHypertable)
        return;
    isHypertable = is;
    const auto column = std::find_if(columns.begin(), columns.end(),
                                     [this](const Column &candidate) { return candidate.name == time; });
    if (is && !key.contains(time)) {
        key.append(time);
        column->inKey = true;
        timeJoined = true;
    } else if (!is && timeJoined) {
        key.removeLast();
        column->inKey = false;
        timeJoined = false;
    }
}

QString TablePlan::keyList() const
{
    QStringList names;
    for (const QString &column : key)
        names.append(quotedIdentifier(column));
    return names.join(QLatin1String(", "));
}

QString TablePlan::conflictClause(const QString &clock, Dialect dialect) const
{
    QStringList changes;
    for (const Column &column : columns) {
        const QString name = quotedIdentifier(column.name);
        if (column.type == ColumnType::Updated)
            changes.append(name + QLatin1String(" = ") + clock);
        else if (column.isInserted() && !column.inKey)
            changes.append(name + QLatin1String(" = excluded.") + name);
    }
    const QString target = QStringLiteral(" ON CONFLICT (%1) DO ").arg(keyList());
    if (kind == RecordKind::Event || changes.isEmpty())
        return target + QLatin1String("NOTHING");
    return target + QLatin1String("UPDATE SET ") + changes.join(QLatin1String(", ")) +
           newerCondition(dialect);
}

// Not known, where a time is missing, is not older.
QString TablePlan::newerCondition(Dialect dialect) const
{
    const auto compared = [&](const char *form, const QString &column) {
        const QString name = quotedIdentifier(column);
        return QString::fromLatin1(form).arg(quotedTable(table, dialect) + QLatin1Char('.') + name,
                                             QLatin1String("excluded.") + name);
    };
    QString older = newerBy.isEmpty() ? QString() : compared("%2 < %1", newerBy);
    if (!closedBy.isEmpty()) {
        if (!older.isEmpty())
            older = compared(" OR %1 = %2 AND ", closedBy) + older;
        older.prepend(compared("%1 AND NOT %2", closedBy));
    }
    return older.isEmpty() ? QString() : QStringLiteral(" WHERE (%1) IS NOT TRUE").arg(older);
}

} // namespace tidemill::sql
