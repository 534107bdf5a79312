// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "programs.h"

#include <QElapsedTimer>
#include <QRandomGenerator>

namespace tidemill::testing {

// A PostgreSQL server of the test's own that is there and away in turn, stopped or killed, while the caller
// does other things.
class AwayDatabase
{
public:
    AwayDatabase(const QString &cluster, quint32 seed) : m_cluster(cluster), m_random(seed) {}
    ~AwayDatabase()
    {
        m_switching.waitForFinished(20000);
        if (!m_url.isEmpty())
            (void)control({"remove", m_cluster});
    }

    static bool isInstalled()
    {
        int exitCode = -1;
        outputOf(sourceFile(QStringLiteral(".ci/pgctl.sh")), {"bindir"}, &exitCode);
        return exitCode == 0;
    }

    bool start()
    {
        if (m_switching.state() != QProcess::NotRunning)
            m_switching.waitForFinished(60000);
        if (!control({"start", m_cluster}))
            return false;
        m_isUp = true;
        m_since.start();
        return !m_url.isEmpty();
    }

    // Call it often: begins the next change when its time has come, and does not wait for it.
    void turn()
    {
        if (m_switching.state() != QProcess::NotRunning || !m_since.hasExpired(m_dwellMs))
            return;
        m_isUp = !m_isUp;
        const QString command = m_isUp            ? QStringLiteral("start")
                                : m_outages++ % 2 ? QStringLiteral("kill")
                                                  : QStringLiteral("stop");
        m_switching.start(sourceFile(QStringLiteral(".ci/pgctl.sh")), {command, m_cluster});
        m_dwellMs = 1000 + m_random.bounded(3000);
        m_since.start();
    }

    // What psql prints, without decoration.
    QByteArray query(const QString &sql) const
    {
        int exitCode = -1;
        const QByteArray output = outputOf(
            QStringLiteral("psql"),
            {m_url, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", "SET client_min_messages TO error; " + sql},
            &exitCode);
        return exitCode == 0 ? output.trimmed() : "psql failed: " + output;
    }

    QByteArray log() const
    {
        QFile file(m_cluster + QStringLiteral("/log"));
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }

    const QString &url() const { return m_url; }
    int outages() const { return m_outages; }

private:
    bool control(const QStringList &arguments)
    {
        int exitCode = -1;
        const QByteArray output =
            outputOf(sourceFile(QStringLiteral(".ci/pgctl.sh")), arguments, &exitCode).trimmed();
        if (exitCode != 0)
            qWarning("pgctl %s: %s", qPrintable(arguments.join(QLatin1Char(' '))), output.constData());
        else if (output.startsWith("postgresql://"))
            m_url = QString::fromLatin1(output);
        return exitCode == 0;
    }

    const QString m_cluster;
    QRandomGenerator m_random;
    QString m_url;
    QProcess m_switching;
    QElapsedTimer m_since;
    qint64 m_dwellMs = 1500;
    bool m_isUp = false;
    int m_outages = 0;
};

} // namespace tidemill::testing
