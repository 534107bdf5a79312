// SPDX-License-Identifier: Apache-2.0
#include "bound_values.h"
#include "chain.h"
#include "product.h"
#include "sql_database.h"
#include "usage.h"

#include <QFile>
#include <QProcess>
#include <QSqlError>
#include <QSqlQuery>

#include <array>
#include <unordered_map>

namespace tidemill::bench {

namespace {

// A group is a transaction. Batches of 250, so that groups hold neither more nor less.
constexpr qint64 rowsOfBatch = 250;
constexpr qint64 groups[]{1000, 5000};
constexpr const char *columns =
    "exchange, symbol, ts_event, ts_recv, trade_id, price, quantity, side, provenance";

struct Spent
{
    qint64 wall;
    qint64 cpu;
};

class Clock
{
public:
    Spent passed() const { return {wallNs() - m_wall, processCpuNs() - m_cpu}; }

private:
    qint64 m_wall = wallNs();
    qint64 m_cpu = processCpuNs();
};

// Through the sink and all that the host has in front of it.
Result<Spent> store(const Database &database, const std::vector<BatchPtr> &batches, qint64 rowsOfGroup,
                    const char *mode = "upsert")
{
    host::PluginRegistry plugins(benchPluginPaths());
    if (const auto loaded = plugins.load(host::NodeKind::Sink, QStringLiteral("sql")); !loaded)
        return loaded.error();
    auto sink = plugins.create(host::NodeKind::Sink, QStringLiteral("sql"));
    if (!sink)
        return sink.error();
    const QVariantMap options{
        {"url", database.url()}, {"mode", mode}, {"tables", QVariantMap{{"trade", database.table()}}}};
    OptionErrors errors = (*sink)->options().apply(Value::fromVariant(options));
    if (errors.isEmpty())
        errors = (*sink)->validate();
    if (!errors.isEmpty())
        return broken(errors.first().toString());

    host::NodeSettings settings;
    settings.batchRows = rowsOfGroup;
    auto *source = new FeedingSource(batches);
    Chain chain;
    chain.add(NodePtr<>(source), host::NodeKind::Source);
    chain.add(std::move(*sink), host::NodeKind::Sink, QStringLiteral("sql"), settings);
    if (const auto started = chain.start(); !started)
        return started.error();
    const Clock start;
    if (const auto done = chain.run(*source, 1, sumsOf(batches).rows); !done)
        return done.error();
    return start.passed();
}

// Of one size of group: what it does in a second, and what a row costs this process; the servers' part is not
// in it.
Figures figuresOf(qint64 group, std::size_t rows, const Spent &spent)
{
    const QString name = QString::number(group);
    return {{name, double(rows) * 1e9 / double(spent.wall)},
            {name + QLatin1String("/cpu"), double(spent.cpu) / 1000 / double(rows)}};
}

// The table made by the sink itself, and empty, so that both sides write into the same one.
Result<> makeTable(Database &database)
{
    if (const auto made = store(database, tradeBatches(1, 1), 1000); !made)
        return made.error();
    if (const auto opened = database.open(); !opened)
        return opened.error();
    return database.execute(QStringLiteral("DELETE FROM ") + database.table());
}

Result<Figures> measureSink(Backend backend, qint64 rows, const char *mode = "upsert")
{
    Figures figures;
    const auto batches = tradeBatches(rows, rowsOfBatch);
    for (const qint64 group : groups) {
        Database database(backend);
        if (const auto made = makeTable(database); !made)
            return made.error();
        const auto spent = store(database, batches, group, mode);
        if (!spent)
            return spent.error();
        if (const auto good = database.check(sumsOf(batches)); !good)
            return good.error();
        figures += figuresOf(group, std::size_t(rows), *spent);
    }
    return figures + Figures{{"memory", memoryMb("VmHWM")}};
}

// --- by hand

std::vector<Trade> rowsOf(const std::vector<BatchPtr> &batches)
{
    std::vector<Trade> rows;
    for (const BatchPtr &batch : batches) {
        const auto trades = batch->rows<Trade>();
        rows.insert(rows.end(), trades.begin(), trades.end());
    }
    return rows;
}

constexpr int columnCount = 9;

// Calls take(column, value) for each value of a row. There are few different names and numbers, so they are
// made once; to make a list of values for each row beforehand would be slower, as that comes from memory and
// not from the cache.
class BoundValues
{
public:
    template<typename Take>
    void each(const Trade &trade, Take take)
    {
        take(0, name(trade.exchange));
        take(1, name(trade.symbol));
        take(2, QVariant(trade.ts_event.ns));
        take(3, QVariant(trade.ts_recv.ns));
        take(4, QVariant(trade.trade_id));
        take(5, text(trade.price));
        take(6, text(trade.quantity));
        take(7, m_sides[trade.side == Side::Buy]);
        take(8, m_provenance);
    }

private:
    const QVariant &name(Symbol symbol)
    {
        if (m_names.size() <= symbol.id())
            m_names.resize(symbol.id() + 1);
        QVariant &made = m_names[symbol.id()];
        return made.isValid() ? made : made = QString::fromUtf8(symbol.name());
    }

    const QVariant &text(const Decimal &number)
    {
        QVariant &made = m_numbers[number.mantissa];
        return made.isValid() ? made : made = QString::fromLatin1(number.toString());
    }

    std::vector<QVariant> m_names;
    std::unordered_map<qint64, QVariant> m_numbers; // all with the same exponent
    QVariant m_sides[2]{QStringLiteral("sell"), QStringLiteral("buy")};
    QVariant m_provenance = QStringLiteral("live");
};

Result<Spent> insertOneByOne(Database &database, const std::vector<Trade> &rows, qint64 rowsOfGroup)
{
    BoundValues values;
    for (const Trade &trade : rows)
        values.each(trade, [](int, const QVariant &) {});
    QSqlQuery insert = database.query();
    if (!insert.prepare(QStringLiteral("INSERT INTO %1 (%2) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT "
                                       "(exchange, symbol, trade_id) DO NOTHING")
                            .arg(database.table(), QLatin1String(columns))))
        return broken(insert.lastError().text());
    sql::bindPlaces(insert, columnCount);
    const Clock start;
    for (std::size_t row = 0; row < rows.size();) {
        if (const auto begun = database.execute(QStringLiteral("BEGIN IMMEDIATE")); !begun)
            return begun.error();
        for (qint64 i = 0; i < rowsOfGroup && row < rows.size(); ++i, ++row) {
            values.each(rows[row], [&insert](int column, const QVariant &value) {
                sql::setBoundValue(insert, column, QVariant(value));
            });
            if (!insert.exec())
                return broken(insert.lastError().text());
        }
        if (const auto committed = database.execute(QStringLiteral("COMMIT")); !committed)
            return committed.error();
    }
    return start.passed();
}

// A statement for each group, written before the time is taken.
QString arrayInsert(const Database &database, std::span<const Trade> rows)
{
    static constexpr const char *types[]{"text",    "text",    "bigint", "bigint", "bigint",
                                         "numeric", "numeric", "text",   "text"};
    std::array<QStringList, std::size(types)> values;
    BoundValues bound;
    for (const Trade &trade : rows)
        bound.each(trade, [&values](int column, const QVariant &value) {
            values[std::size_t(column)].append(value.toString());
        });
    QStringList arrays;
    for (std::size_t column = 0; column < std::size(types); ++column)
        arrays.append(QStringLiteral("'{%1}'::%2[]")
                          .arg(values[column].join(QLatin1Char(',')), QLatin1String(types[column])));
    return QStringLiteral("INSERT INTO %1 (%2) SELECT * FROM unnest(%3) ON CONFLICT (exchange, symbol, "
                          "trade_id) DO NOTHING")
        .arg(database.table(), QLatin1String(columns), arrays.join(QLatin1Char(',')));
}

Result<Spent> insertArrays(Database &database, const std::vector<Trade> &rows, qint64 rowsOfGroup)
{
    QStringList statements;
    for (std::size_t row = 0; row < rows.size(); row += std::size_t(rowsOfGroup))
        statements.append(arrayInsert(
            database, std::span(rows).subspan(row, std::min(std::size_t(rowsOfGroup), rows.size() - row))));
    const Clock start;
    for (const QString &statement : std::as_const(statements)) {
        for (const QString &step : {QStringLiteral("BEGIN"), statement, QStringLiteral("COMMIT")}) {
            if (const auto done = database.execute(step); !done)
                return done.error();
        }
    }
    return start.passed();
}

// A file for each group, written before the time is taken, and one psql that copies them all, each in a
// transaction of its own.
Result<Spent> copyWithPsql(Database &database, const std::vector<Trade> &rows, qint64 rowsOfGroup)
{
    const QTemporaryDir folder;
    QByteArray script;
    BoundValues bound;
    for (std::size_t row = 0; row < rows.size();) {
        QFile file(folder.filePath(QString::number(row)));
        if (!file.open(QIODevice::WriteOnly))
            return broken(file.errorString());
        for (qint64 i = 0; i < rowsOfGroup && row < rows.size(); ++i, ++row) {
            QByteArrayList line;
            bound.each(rows[row],
                       [&line](int, const QVariant &value) { line.append(value.toString().toUtf8()); });
            file.write(line.join('\t') + '\n');
        }
        script += "\\copy " + database.table().toUtf8() + " (" + columns + ") from '" +
                  file.fileName().toUtf8() + "'\n";
    }
    QProcess psql;
    psql.setProcessChannelMode(QProcess::MergedChannels);
    psql.start(QStringLiteral("psql"),
               {database.url(), "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", "SELECT 1", "-f", "-"});
    if (!psql.waitForStarted() || !psql.waitForReadyRead())
        return broken(QStringLiteral("psql: ") + psql.errorString());
    const Clock start; // it is connected
    psql.write(script);
    psql.closeWriteChannel();
    if (!psql.waitForFinished(600'000) || psql.exitCode() != 0)
        return broken(QStringLiteral("psql: ") + QString::fromUtf8(psql.readAll()));
    return start.passed();
}

using Insert = Result<Spent> (*)(Database &, const std::vector<Trade> &, qint64);

Result<Figures> measureByHand(Backend backend, qint64 rows, Insert insert)
{
    Figures figures;
    const auto batches = tradeBatches(rows, rowsOfBatch);
    for (const qint64 group : groups) {
        Database database(backend);
        if (const auto made = makeTable(database); !made)
            return made.error();
        const auto spent = insert(database, rowsOf(batches), group);
        if (!spent)
            return spent.error();
        if (const auto good = database.check(sumsOf(batches)); !good)
            return good.error();
        figures += figuresOf(group, std::size_t(rows), *spent);
    }
    return figures + Figures{{"memory", memoryMb("VmHWM")}};
}

constexpr qint64 storedRows = 200'000;

Result<Figures> sqliteCandidate(const Extent &extent)
{
    return measureSink(Backend::Sqlite, extent.of(storedRows));
}

Result<Figures> sqliteFloor(const Extent &extent)
{
    return measureByHand(Backend::Sqlite, extent.of(storedRows), insertOneByOne);
}

Result<Figures> postgresCandidate(const Extent &extent)
{
    return measureSink(Backend::Postgres, extent.of(storedRows));
}

Result<Figures> postgresFloor(const Extent &extent)
{
    return measureByHand(Backend::Postgres, extent.of(storedRows), insertArrays);
}

Result<Figures> copyCandidate(const Extent &extent)
{
    return measureSink(Backend::Postgres, extent.of(storedRows), "append");
}

// Its CPU is psql's, which nobody counts here.
Result<Figures> copyFloor(const Extent &extent)
{
    auto figures = measureByHand(Backend::Postgres, extent.of(storedRows), copyWithPsql);
    if (figures)
        figures->removeIf([](const Figure &figure) { return figure.name.endsWith(QLatin1String("/cpu")); });
    return figures;
}

QString withoutPostgres()
{
    return qEnvironmentVariableIsSet("TIDEMILL_TEST_POSTGRES_URL")
               ? QString()
               : QStringLiteral("TIDEMILL_TEST_POSTGRES_URL names no server");
}

} // namespace

std::vector<Bench> sqlBenches()
{
    const auto beside = [](double target) {
        return std::vector<FigureSpec>{{"1000", "rows/s", true, target},
                                       {"1000/cpu", "us CPU"},
                                       {"5000", "rows/s", true, target},
                                       {"5000/cpu", "us CPU"},
                                       {"memory", "MB"}};
    };
    const std::vector<FigureSpec> rates{{"1000", "rows/s", true}, {"5000", "rows/s", true}};
    return {
        {"sqlite_rows", "trades into a SQLite file, by rows in a transaction", beside(1 / 0.8),
         sqliteCandidate, sqliteFloor},
        {"postgres_rows", "trades into PostgreSQL, by rows in a transaction", beside(1 / 0.9),
         postgresCandidate, postgresFloor, withoutPostgres},
        {"postgres_append", "the same with mode: append, beside psql's \\copy of the same rows", rates,
         copyCandidate, copyFloor, withoutPostgres},
    };
}

} // namespace tidemill::bench
