// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QElapsedTimer>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QStandardPaths>
#include <QUrl>

// One of the servers in peers/, running; ends with this object.
class PeerProcess
{
public:
    ~PeerProcess()
    {
        m_process.closeWriteChannel();
        if (m_process.state() != QProcess::NotRunning && !m_process.waitForFinished(5000))
            m_process.kill();
        m_process.waitForFinished();
    }

    // Empty if it runs; otherwise why it cannot on this machine.
    QString startNode(const QString &modules)
    {
        if (QStandardPaths::findExecutable(QStringLiteral("node")).isEmpty())
            return QStringLiteral("no node on this machine (Debian: nodejs)");
        if (!QFile::exists(modules + QStringLiteral("/node_modules/ws/package.json")))
            return QStringLiteral("no package ws in %1; peers/install.sh puts it there").arg(modules);
        return start(QStringLiteral("node"), {script("peer.js"), modules});
    }

    QString startPython()
    {
        // Debian's own has Debian's modules; another one in the PATH may have others.
        for (const QString &python : {QStringLiteral("python3"), QStringLiteral("/usr/bin/python3")}) {
            QProcess check;
            check.setStandardErrorFile(QProcess::nullDevice());
            check.start(python, {QStringLiteral("-c"), QStringLiteral("import websockets")});
            if (check.waitForFinished() && check.exitCode() == 0)
                return start(python, {QStringLiteral("-B"), script("peer.py")});
        }
        return QStringLiteral("no python3 with the module websockets (Debian: python3-websockets)");
    }

    // A peer that should run and does not is no reason to skip.
    bool hasFailed() const { return m_failed; }

    QUrl url(const QString &variant, const QString &action) const
    {
        return QUrl(QStringLiteral("ws://127.0.0.1:%1/%2").arg(m_ports.value(variant).toInt()).arg(action));
    }

    // The next line that it prints, about a connection that ended; empty if none comes.
    QJsonObject nextLine()
    {
        QElapsedTimer time;
        time.start();
        while (!m_process.canReadLine()) {
            if (time.elapsed() > 10'000 || m_process.state() == QProcess::NotRunning)
                return {};
            m_process.waitForReadyRead(1000);
        }
        return QJsonDocument::fromJson(m_process.readLine()).object();
    }

private:
    static QString script(const char *name)
    {
        return QStringLiteral(TIDEMILL_SOURCE_DIR "/tests/net/peers/") + QLatin1String(name);
    }

    QString start(const QString &program, const QStringList &arguments)
    {
        m_process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        m_process.start(program, arguments);
        m_ports = nextLine();
        m_failed = m_ports.isEmpty();
        return m_failed ? QStringLiteral("%1 printed no ports").arg(program) : QString();
    }

    QProcess m_process;
    QJsonObject m_ports;
    bool m_failed = false;
};
