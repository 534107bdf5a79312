// SPDX-License-Identifier: Apache-2.0
#include "table_mapping.h"

namespace tidemill::sql {

namespace {

// Reads one piece of the option and notes what is wrong with it under its place and path.
class Reader
{
public:
    explicit Reader(OptionErrors &errors) : m_errors(errors) {}

    QList<TableMapping> readType(const Value &value, const QString &path)
    {
        QList<TableMapping> tables;
        if (value.kind() == Value::Kind::Scalar && !value.isQuoted() &&
            value.text() == QLatin1String("false"))
            return tables;
        if (value.kind() != Value::Kind::List)
            return {readTable(value, path)};
        for (qsizetype i = 0; i < value.items().size(); ++i)
            tables.append(readTable(value.items()[i], path + QStringLiteral("[%1]").arg(i)));
        return tables;
    }

    void fail(const QString &path, Place place, const QString &message, const QString &suggestion = {})
    {
        m_errors.append({path, message, suggestion, place});
    }

private:
    TableMapping readTable(const Value &value, const QString &path)
    {
        TableMapping table;
        table.path = path;
        table.place = value.place();
        if (value.kind() == Value::Kind::Scalar) {
            table.table = readName(value, path);
            return table;
        }
        if (value.kind() != Value::Kind::Map) {
            fail(path, value.place(),
                 QStringLiteral("expected the name of a table, a map with 'table' and 'columns', "
                                "or false, got %1")
                     .arg(value.description()));
            return table;
        }
        for (const Value::Member &member : value.members()) {
            const QString at = path + QLatin1Char('.') + member.key;
            if (member.key == QLatin1String("table"))
                table.table = readName(member.value, at);
            else if (member.key == QLatin1String("columns"))
                table.columns = readColumns(member.value, at);
            else if (member.key == QLatin1String("key"))
                table.key = readNames(member.value, at);
            else if (member.key == QLatin1String("index"))
                table.indexes = readNames(member.value, at);
            else if (member.key == QLatin1String("time"))
                table.time = readName(member.value, at);
            else
                failUnknown(at, member, {"table", "columns", "key", "index", "time"});
        }
        if (!value.find(QStringLiteral("table")))
            fail(path, value.place(), QStringLiteral("expected 'table', the name of the table"));
        checkColumnNames(table, value);
        return table;
    }

    QList<ColumnMapping> readColumns(const Value &value, const QString &path)
    {
        QList<ColumnMapping> columns;
        if (value.kind() != Value::Kind::Map || value.members().isEmpty()) {
            fail(path, value.place(),
                 QStringLiteral("expected a map from columns to fields, got %1").arg(value.description()));
            return columns;
        }
        for (const Value::Member &member : value.members())
            columns.append(readColumn(member, path + QLatin1Char('.') + member.key));
        return columns;
    }

    ColumnMapping readColumn(const Value::Member &member, const QString &path)
    {
        ColumnMapping column;
        column.name = member.key;
        column.path = path;
        column.place = member.value.place();
        if (member.value.kind() == Value::Kind::Scalar) {
            column.field = member.value.text();
            return column;
        }
        if (member.value.kind() != Value::Kind::Map) {
            fail(path, column.place,
                 QStringLiteral("expected a field, or a map with 'field', 'text' or 'type', got %1")
                     .arg(member.value.description()));
            return column;
        }
        for (const Value::Member &part : member.value.members()) {
            const QString at = path + QLatin1Char('.') + part.key;
            if (part.key == QLatin1String("field"))
                column.field = readName(part.value, at);
            else if (part.key == QLatin1String("type"))
                column.type = readColumnType(part.value, at);
            else if (part.key == QLatin1String("text"))
                column.text = readTemplate(part.value, at);
            else
                failUnknown(at, part, {"field", "type", "text"});
        }
        checkColumn(column, member.value);
        return column;
    }

    void checkColumn(const ColumnMapping &column, const Value &value)
    {
        using enum ColumnType;
        const bool hasField = value.find(QStringLiteral("field"));
        const bool hasText = value.find(QStringLiteral("text"));
        const bool isMade = column.type == Serial || column.type == Now || column.type == Updated;
        if (int(hasField) + int(hasText) + int(isMade) != 1)
            fail(column.path, column.place,
                 QStringLiteral(
                     "expected one of: 'field', 'text', or a 'type' that the database fills by itself "
                     "(serial, now, updated)"));
        else if (hasText && column.type && column.type != Text && column.type != Json)
            fail(column.path, column.place, QStringLiteral("a text can be of type text or json"));
    }

    // What only the columns together show. A table without columns gets those of its record type, not known
    // here.
    void checkColumnNames(const TableMapping &table, const Value &value)
    {
        if (table.columns.isEmpty())
            return;
        QStringList names;
        qsizetype serials = 0;
        for (const ColumnMapping &column : table.columns) {
            names.append(column.name);
            serials += column.type == ColumnType::Serial ? 1 : 0;
        }
        if (serials > 1)
            fail(table.path, table.place,
                 QStringLiteral("a table can have one column of type serial, not more"));
        for (const char *list : {"key", "index"}) {
            const Value *written = value.find(QLatin1String(list));
            for (const Value &name : written ? written->items() : QList<Value>{}) {
                const QString path = table.path + QLatin1Char('.') + QLatin1String(list);
                const auto index = names.indexOf(name.text());
                if (index < 0)
                    fail(path, name.place(), QStringLiteral("no column '%1' in 'columns'").arg(name.text()),
                         nearestName(name.text(), names));
                else if (*list == 'k' && table.columns[index].field.isEmpty() && !table.columns[index].text)
                    fail(path, name.place(),
                         QStringLiteral(
                             "'%1' is made by the database, so it says nothing about whether a record is "
                             "the same")
                             .arg(name.text()));
            }
        }
    }

    QString readName(const Value &value, const QString &path)
    {
        if (value.kind() == Value::Kind::Scalar && !value.text().isEmpty())
            return value.text();
        fail(path, value.place(), QStringLiteral("expected a name, got %1").arg(value.description()));
        return {};
    }

    QStringList readNames(const Value &value, const QString &path)
    {
        QStringList names;
        if (value.kind() != Value::Kind::List || value.items().isEmpty())
            fail(path, value.place(),
                 QStringLiteral("expected a list of columns, got %1").arg(value.description()));
        for (const Value &item : value.items())
            names.append(readName(item, path));
        return names;
    }

    std::optional<ColumnType> readColumnType(const Value &value, const QString &path)
    {
        const auto type = columnTypeFrom(value.text());
        if (!type) {
            const QStringList names{"bigint", "numeric",   "double",      "text",   "iso", "boolean", "bytes",
                                    "json",   "timestamp", "timestamptz", "serial", "now", "updated"};
            fail(path, value.place(),
                 QStringLiteral("expected one of %1, got %2")
                     .arg(names.join(QLatin1String(", ")), value.description()),
                 nearestName(value.text(), names));
        }
        return type;
    }

    std::optional<TextTemplate> readTemplate(const Value &value, const QString &path)
    {
        if (value.kind() != Value::Kind::Scalar) {
            fail(path, value.place(), QStringLiteral("expected a text, got %1").arg(value.description()));
            return std::nullopt;
        }
        auto text = TextTemplate::parse(value.text());
        if (text)
            return *std::move(text);
        fail(path, value.place(), text.error().message);
        return std::nullopt;
    }

    void failUnknown(const QString &path, const Value::Member &member, const QStringList &known)
    {
        fail(path, member.keyPlace, QStringLiteral("no such option"), nearestName(member.key, known));
    }

    OptionErrors &m_errors;
};

} // namespace

TableMappings TableMappings::parse(const Value &tables, OptionErrors &errors)
{
    TableMappings result;
    Reader reader(errors);
    const QString path = QStringLiteral("tables");
    if (tables.kind() != Value::Kind::Map && !tables.isNull())
        reader.fail(
            path, tables.place(),
            QStringLiteral("expected a map from record types to tables, got %1").arg(tables.description()));
    for (const Value::Member &member : tables.members())
        result.m_types.insert(member.key.toUtf8(),
                              reader.readType(member.value, path + QLatin1Char('.') + member.key));
    return result;
}

const QList<TableMapping> *TableMappings::find(const QByteArray &recordType) const
{
    const auto found = m_types.constFind(recordType);
    return found == m_types.constEnd() ? nullptr : &*found;
}

} // namespace tidemill::sql
