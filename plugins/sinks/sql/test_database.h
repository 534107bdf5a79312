// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/testing.h>

#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>
#include <QSqlRecord>
#include <QTemporaryDir>
#include <QUrl>

#include <atomic>
#include <memory>

// A fresh database for one test function, seen from outside: SQLite in a folder of its own; "postgresql" in a
// schema of its own, "postgresql database" in a database of its own, on the server that
// TIDEMILL_TEST_POSTGRES_URL names.
class TestDatabase
{
public:
    static bool hasPostgres() { return qEnvironmentVariableIsSet("TIDEMILL_TEST_POSTGRES_URL"); }

    // A row for each database that there is; functions take the column "backend".
    static void addBackends()
    {
        QTest::addColumn<QString>("backend");
        QTest::newRow("sqlite") << QStringLiteral("sqlite");
        if (hasPostgres())
            QTest::newRow("postgresql") << QStringLiteral("postgresql");
    }

    // The same, each in both modes; the column "mode".
    static void addModes()
    {
        QTest::addColumn<QString>("backend");
        QTest::addColumn<QString>("mode");
        for (const char *mode : {"upsert", "append"}) {
            QTest::addRow("sqlite %s", mode) << "sqlite" << QString(mode);
            if (hasPostgres())
                QTest::addRow("postgresql %s", mode) << "postgresql" << QString(mode);
        }
    }

    static void addPostgresModes()
    {
        QTest::addColumn<QString>("mode");
        for (const char *mode : {"upsert", "append"})
            QTest::newRow(mode) << QString(mode);
    }

    explicit TestDatabase(const QString &backend,
                          const QString &server = qEnvironmentVariable("TIDEMILL_TEST_POSTGRES_URL"))
        : m_isPostgres(backend != QLatin1String("sqlite"))
        , m_isWhole(backend == QLatin1String("postgresql database"))
        , m_server(server)
    {
        static std::atomic<int> count = 0;
        m_name = QStringLiteral("tst_sql_%1_%2").arg(QCoreApplication::applicationPid()).arg(++count);
        m_database = QSqlDatabase::addDatabase(m_isPostgres ? "QPSQL" : "QSQLITE", m_name);
        m_database.setNumericalPrecisionPolicy(QSql::HighPrecision);
        if (m_isPostgres) {
            const QUrl address(m_server);
            m_database.setHostName(address.host());
            m_database.setPort(address.port());
            m_database.setUserName(address.userName());
            m_database.setPassword(address.password());
            m_database.setDatabaseName(address.path().mid(1));
        } else {
            m_database.setDatabaseName(m_folder.filePath("test.db"));
            m_database.setConnectOptions("QSQLITE_BUSY_TIMEOUT=5000");
        }
        open();
        if (m_isWhole) {
            execute("CREATE DATABASE " + m_name);
            m_database.close();
            m_database.setDatabaseName(m_name);
            open();
            return;
        }
        if (m_isPostgres) {
            execute("SET client_min_messages = warning");
            execute("SET TIME ZONE 'UTC'");
            execute(QStringLiteral("CREATE SCHEMA %1").arg(m_name));
            execute(QStringLiteral("SET search_path = %1").arg(m_name));
        }
    }

    ~TestDatabase()
    {
        if (m_isWhole) {
            m_database.close();
            m_database.setDatabaseName(QUrl(m_server).path().mid(1));
            open();
            execute(QStringLiteral("DROP DATABASE %1 WITH (FORCE)").arg(m_name));
        } else if (m_isPostgres) {
            execute(QStringLiteral("DROP SCHEMA %1 CASCADE").arg(m_name));
        }
        m_database = {};
        QSqlDatabase::removeDatabase(m_name);
    }
    Q_DISABLE_COPY_MOVE(TestDatabase)

    bool isPostgres() const { return m_isPostgres; }

    // What the sink is told; it sees only the schema of this test.
    QString url() const
    {
        if (!m_isPostgres)
            return QStringLiteral("sqlite:") + m_database.databaseName();
        if (m_isWhole)
            return QUrl(m_server).adjusted(QUrl::RemovePath).toString() + '/' + m_name;
        return m_server + QStringLiteral("?options=-csearch_path%3D") + m_name +
               QStringLiteral("&application_name=") + m_name;
    }
    QString applicationName() const { return m_name; }

    void execute(const QString &sql)
    {
        QSqlQuery query(m_database);
        if (!query.exec(sql))
            qFatal("%s: %s", qPrintable(sql), qPrintable(query.lastError().text()));
    }

    // Each row as text with | between the values, (null) for nulls.
    QStringList rows(const QString &sql)
    {
        QSqlQuery query(m_database);
        query.setForwardOnly(true);
        if (!query.exec(sql))
            return {query.lastError().text()};
        QStringList rows;
        while (query.next()) {
            QStringList values;
            for (int i = 0; i < query.record().count(); ++i)
                values.append(query.isNull(i) ? QStringLiteral("(null)") : query.value(i).toString());
            rows.append(values.join('|'));
        }
        return rows;
    }
    QString value(const QString &sql) { return rows(sql).join('\n'); }

private:
    void open()
    {
        if (!m_database.open())
            qFatal("%s", qPrintable(m_database.lastError().text()));
    }

    bool m_isPostgres;
    bool m_isWhole;
    QString m_server;
    QString m_name;
    QTemporaryDir m_folder;
    QSqlDatabase m_database;
};

// A started sink and what it answered.
class TestSink
{
public:
    explicit TestSink(const QString &url, QVariantMap options = {}, const tidemill::NodeContext &context = {})
    {
        options.insert("url", url);
        auto created = tidemill::testing::create<tidemill::Sink>("sql", options, context);
        if (!created)
            qFatal("%s", qPrintable(created.error().message));
        node = *std::move(created);
        delivered = std::make_unique<QSignalSpy>(node.get(), &tidemill::Sink::delivered);
        partly = std::make_unique<QSignalSpy>(node.get(), &tidemill::Sink::partlyDelivered);
        rejected = std::make_unique<QSignalSpy>(node.get(), &tidemill::Sink::rejected);
        failed = std::make_unique<QSignalSpy>(node.get(), &tidemill::Node::failed);
        if (const auto started = node->start(); !started)
            qFatal("%s", qPrintable(started.error().message));
    }

    // One group; true if everything was delivered, otherwise see error().
    bool write(const QList<tidemill::BatchPtr> &batches)
    {
        delivered->clear();
        partly->clear();
        rejected->clear();
        failed->clear();
        for (const tidemill::BatchPtr &batch : batches)
            node->receive(batch);
        node->flush();
        return failed->isEmpty() && tidemill::testing::batches(*delivered) == batches;
    }

    // Of the failure, if there was exactly one and nothing was delivered.
    tidemill::Error error() const
    {
        if (failed->size() == 1 && delivered->isEmpty())
            return failed->first().first().value<tidemill::Error>();
        return {tidemill::Error::Kind::Internal, QStringLiteral("no failure")};
    }

    // The last group's, of all its batches: "row: why", with a question mark behind it if it comes again.
    QStringList badRows() const
    {
        QStringList rows;
        for (const auto &answer : *partly) {
            for (const auto &failure : answer.at(1).value<QList<tidemill::RowFailure>>())
                rows.append(
                    QStringLiteral("%1: %2%3")
                        .arg(failure.row)
                        .arg(failure.error.message, failure.isFinal ? QString() : QStringLiteral("?")));
        }
        return rows;
    }

    tidemill::NodePtr<tidemill::Sink> node;
    std::unique_ptr<QSignalSpy> delivered;
    std::unique_ptr<QSignalSpy> partly;
    std::unique_ptr<QSignalSpy> rejected;
    std::unique_ptr<QSignalSpy> failed;
};
