// SPDX-License-Identifier: Apache-2.0
#include "store.h"
#include "table_mapping.h"
#include "table_plan.h"

#include <tidemill/plugin.h>

#include <QHash>

#include <algorithm>
#include <unordered_map>

Q_LOGGING_CATEGORY(lcSql, TIDEMILL_LOG_CATEGORY)

using namespace tidemill;

// Stores records in tables made from their schemas, or mapped to tables that are there already. Which record
// goes into which table is decided here; how it gets there is the store's.
class Sql final : public Sink
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {
            Option("url", m_url,
                   "sqlite:FILE (relative to the working directory) or "
                   "postgresql://USER:PASSWORD@HOST:PORT/DATABASE.")
                .secret()
                .notEmpty(),
            Option("tables", m_tables, "From record types to tables and columns; see the plugin's README."),
            Option("others", m_others,
                   "Record types that 'tables' does not name: make a table for them, ignore them, or reject "
                   "them.",
                   {"create", "ignore", "reject"}),
            Option("create", m_create, "Make tables that are missing."),
            Option("mode", m_mode,
                   "How PostgreSQL gets events: upsert passes over those that are there already; append "
                   "copies in "
                   "bulk, which is faster, and turns to upsert for a group that has some.",
                   {"upsert", "append"}),
            Option("hypertable", m_hypertable,
                   "Make missing tables hypertables of TimescaleDB: never, if the database has the "
                   "extension, or "
                   "always.",
                   {"false", "auto", "true"}),
            Option("chunk_interval", m_chunkInterval, "How much time a chunk of a hypertable covers.")
                .atLeast(60'000),
            Option("connect_timeout", m_connectTimeout, "How long to wait for PostgreSQL to answer.")
                .atLeast(1000)
                .atMost(600'000),
        };
    }

    OptionErrors validate() override
    {
        OptionErrors errors;
        if (const auto url = sql::DatabaseUrl::parse(m_url); !url)
            errors.append({QStringLiteral("url"), url.error().message, {}, {}});
        else if (m_hypertable == Hypertable::Always && url->dialect != sql::Dialect::PostgreSql)
            errors.append({QStringLiteral("hypertable"),
                           QStringLiteral("expected false or auto with SQLite: TimescaleDB is PostgreSQL's"),
                           {},
                           {}});
        m_mappings = sql::TableMappings::parse(m_tables, errors);
        if (!errors.isEmpty())
            return errors;
        // The record types of other plugins are not known before their first record.
        for (const Schema *schema : standardSchemas()) {
            const auto *tables = m_mappings.find(schema->name().toByteArray());
            for (const sql::TableMapping &table : tables ? *tables : QList<sql::TableMapping>())
                errors.append(sql::checkMapping(*schema, table));
        }
        return errors;
    }

    // Does not connect: the database may be away, and comes when it comes.
    Result<> start() override
    {
        const auto url = sql::DatabaseUrl::parse(m_url);
        if (!url)
            return url.error();
        warnOfUnknownTypes();
        m_skipped = counter("tidemill_sql_skipped_total", "Records of types that are not to be stored.");
        m_store = sql::Store::make({.url = *url,
                                    .connectTimeout = m_connectTimeout,
                                    .create = m_create,
                                    .mode = m_mode,
                                    .hypertable = {m_hypertable, m_chunkInterval}});
        return {};
    }

    void stop() override
    {
        m_group.clear();
        m_store.reset();
    }

    void receive(const BatchPtr &batch) override { m_group.push_back(batch); }

    void flush() override
    {
        const std::vector<BatchPtr> group = std::exchange(m_group, {});
        if (group.empty() || !m_store)
            return;
        std::vector<sql::BadRow> bad;
        auto work = workOf(group);
        const auto written = work ? m_store->write(*work, bad) : Result<>(work.error());
        if (!written) {
            emit failed(written.error());
            return;
        }
        const auto failures = failuresOf(bad);
        for (const BatchPtr &batch : group)
            answer(batch, failures.value(batch.get()));
    }

private:
    enum class Others { Create, Ignore, Reject };
    using Mode = sql::StoreSettings::Mode;
    using Hypertable = sql::HypertableWish::Mode;

    // Where the records of one type go.
    struct Target
    {
        std::vector<std::unique_ptr<sql::TablePlan>> tables;
        bool isRefused = false;
    };

    // The bad rows of each batch, in order. A row that belongs into several tables has been bad if it was so
    // in any of them.
    static QHash<const Batch *, QList<RowFailure>> failuresOf(std::vector<sql::BadRow> &bad)
    {
        std::stable_sort(bad.begin(), bad.end(), [](const sql::BadRow &left, const sql::BadRow &right) {
            return left.failure.row < right.failure.row;
        });
        QHash<const Batch *, QList<RowFailure>> failures;
        for (sql::BadRow &row : bad) {
            QList<RowFailure> &rows = failures[row.batch];
            if (rows.isEmpty() || rows.last().row != row.failure.row)
                rows.append(std::move(row.failure));
            else if (!row.failure.isFinal)
                rows.last() = std::move(row.failure); // it has still to be tried there
        }
        return failures;
    }

    void answer(const BatchPtr &batch, const QList<RowFailure> &failures)
    {
        const Target &target = m_targets.at(batch->schema().fingerprint());
        if (target.isRefused) {
            emit rejected(batch, {Error::Kind::Config,
                                  QStringLiteral("'tables' names no table for %1, and 'others' is 'reject'")
                                      .arg(QString::fromUtf8(batch->schema().name()))});
            return;
        }
        if (target.tables.empty())
            m_skipped.add(quint64(batch->rowCount()));
        if (failures.isEmpty())
            emit delivered(batch);
        else
            emit partlyDelivered(batch, failures);
    }

    Result<std::vector<sql::TableWork>> workOf(const std::vector<BatchPtr> &group)
    {
        std::vector<sql::TableWork> work;
        for (const BatchPtr &batch : group) {
            const auto target = targetOf(batch->schema());
            if (!target)
                return target.error();
            for (const auto &table : (*target)->tables) {
                auto known = std::find_if(work.begin(), work.end(), [&table](const sql::TableWork &entry) {
                    return entry.plan == table.get();
                });
                if (known == work.end())
                    known = work.insert(work.end(), {table.get(), {}});
                known->batches.push_back(batch.get());
            }
        }
        return work;
    }

    Result<const Target *> targetOf(const Schema &schema)
    {
        if (const auto known = m_targets.find(schema.fingerprint()); known != m_targets.end())
            return &known->second;

        Target target;
        const QByteArray type = schema.name().toByteArray();
        QList<sql::TableMapping> tables;
        if (const auto *mapped = m_mappings.find(type))
            tables = *mapped;
        else if (m_others == Others::Create)
            tables.append({.table = QString::fromUtf8(type)});
        else
            target.isRefused = m_others == Others::Reject;
        for (const sql::TableMapping &table : std::as_const(tables)) {
            auto plan = sql::TablePlan::make(schema, table);
            if (!plan)
                return plan.error();
            target.tables.push_back(std::make_unique<sql::TablePlan>(*std::move(plan)));
        }
        return &m_targets.emplace(schema.fingerprint(), std::move(target)).first->second;
    }

    // It may be a plugin's type, so it is no error; but it may be a slip too, and then its records go
    // elsewhere.
    void warnOfUnknownTypes() const
    {
        QStringList standard;
        for (const Schema *schema : standardSchemas())
            standard.append(QString::fromUtf8(schema->name()));
        for (const QByteArray &type : m_mappings.recordTypes()) {
            const QString name = QString::fromUtf8(type);
            const QString near = nearestName(name, standard);
            if (!standard.contains(name) && !near.isEmpty())
                qCWarning(lcSql).noquote()
                    << QStringLiteral("tables.%1: not a standard record type; if it is no "
                                      "plugin's either, '%2' may be meant")
                           .arg(name, near);
        }
    }

    QString m_url = QStringLiteral("sqlite:tidemill.db");
    Value m_tables;
    Others m_others = Others::Create;
    bool m_create = true;
    Mode m_mode = Mode::Upsert;
    Hypertable m_hypertable = Hypertable::Never;
    std::chrono::milliseconds m_chunkInterval{std::chrono::hours(24)};
    std::chrono::milliseconds m_connectTimeout{5000};

    sql::TableMappings m_mappings;
    std::unordered_map<quint64, Target> m_targets; // by the fingerprint of the schema
    std::unique_ptr<sql::Store> m_store;
    std::vector<BatchPtr> m_group;
    Counter m_skipped;
};

TIDEMILL_PLUGIN(Sql, "sql.json")

#include "sql.moc"
