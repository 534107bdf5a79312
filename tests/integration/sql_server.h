// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "truth.h"

namespace tidemill::testing {

// A PostgreSQL server of the test's own, in a folder of its own, that may be stopped, killed and looked into.
class SqlServer
{
public:
    ~SqlServer()
    {
        if (!m_url.isEmpty())
            (void)control("remove");
    }

    static bool isInstalled()
    {
        int exitCode = -1;
        outputOf(sourceFile(QStringLiteral(".ci/pgctl.sh")), {"bindir"}, &exitCode);
        return exitCode == 0;
    }

    // The server's account must be able to reach its folder.
    bool start()
    {
        return m_folder.isValid() &&
               QFile::setPermissions(m_folder.path(), QFile::permissions(m_folder.path()) | QFile::ExeOther |
                                                          QFile::ReadOther) &&
               control("start") && !m_url.isEmpty();
    }

    // start, stop, kill, remove
    bool control(const char *command)
    {
        int exitCode = -1;
        const QByteArray output =
            outputOf(sourceFile(QStringLiteral(".ci/pgctl.sh")),
                     {QLatin1String(command), m_folder.filePath(QStringLiteral("cluster"))}, &exitCode)
                .trimmed();
        if (exitCode != 0)
            qWarning("pgctl %s: %s", command, output.constData());
        else if (output.startsWith("postgresql://"))
            m_url = QString::fromLatin1(output);
        return exitCode == 0;
    }

    // What psql prints, without decoration; its messages are no errors of ours.
    QByteArray query(const QString &sql) const
    {
        int exitCode = -1;
        QByteArray output = outputOf(QStringLiteral("psql"),
                                     {m_url + QStringLiteral("?options=-cclient_min_messages%3Derror"),
                                      "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql},
                                     &exitCode);
        return exitCode == 0 ? output.trimmed() : "psql failed: " + output;
    }

    // What is wrong with the table "trade", which must have what the exchange made, each once.
    QString wrongTrades(ExchangeProgram &exchange) const
    {
        TradesById stored;
        qint64 rows = 0;
        for (const QByteArray &line :
             query(QStringLiteral("SELECT trade_id || ' ' || price || ' ' || quantity FROM trade"))
                 .split('\n')) {
            const qsizetype space = line.indexOf(' ');
            if (space <= 0)
                continue;
            ++rows;
            stored.insert(line.first(space).toLongLong(), line.sliced(space + 1));
        }
        if (rows != stored.size())
            return QStringLiteral("%1 rows for %2 trades").arg(rows).arg(stored.size());
        return testing::wrongTrades(tradesOf(exchange, QStringLiteral("BTCUSDT")), stored);
    }

    // The account that it runs as.
    static QString account()
    {
        int exitCode = -1;
        return QString::fromLatin1(
            outputOf(sourceFile(QStringLiteral(".ci/pgctl.sh")), {"user"}, &exitCode).trimmed());
    }

    qint64 count() const { return query(QStringLiteral("SELECT count(*) FROM trade")).toLongLong(); }
    const QString &url() const { return m_url; }
    QString folder() const { return m_folder.path(); }

private:
    QTemporaryDir m_folder;
    QString m_url;
};

} // namespace tidemill::testing
