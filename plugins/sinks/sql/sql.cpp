// SPDX-License-Identifier: Apache-2.0
#include "store.h"
#include "table_mapping.h"
#include "table_plan.h"

#include <tidemill/plugin.h>

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
        m_store = sql::Store::make(*url, m_connectTimeout, m_create);
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
        QStringList badRows;
        auto work = workOf(group);
        const auto written = work ? m_store->write(*work, badRows) : Result<>(work.error());
        if (!written) {
            emit failed(written.error());
            return;
        }

        for (const QString &row : std::as_const(badRows))
            reject("sql_rejected", row);
        for (const BatchPtr &batch : group) {
            const Target &target = m_targets.at(batch->schema().fingerprint());
            if (target.isRefused) {
                emit rejected(batch,
                              {Error::Kind::Config,
                               QStringLiteral("'tables' names no table for %1, and 'others' is 'reject'")
                                   .arg(QString::fromUtf8(batch->schema().name()))});
                continue;
            }
            if (target.tables.empty())
                m_skipped.add(quint64(batch->rowCount()));
            emit delivered(batch);
        }
    }

private:
    enum class Others { Create, Ignore, Reject };

    // Where the records of one type go.
    struct Target
    {
        std::vector<std::unique_ptr<sql::TablePlan>> tables;
        bool isRefused = false;
    };

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
    std::chrono::milliseconds m_connectTimeout{5000};

    sql::TableMappings m_mappings;
    std::unordered_map<quint64, Target> m_targets; // by the fingerprint of the schema
    std::unique_ptr<sql::Store> m_store;
    std::vector<BatchPtr> m_group;
    Counter m_skipped;
};

TIDEMILL_PLUGIN(Sql, "sql.json")

#include "sql.moc"
