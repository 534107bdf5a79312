// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QMap>
#include <QNetworkAccessManager>
#include <QNetworkProxy>
#include <QNetworkReply>
#include <QProcess>
#include <QRegularExpression>
#include <QStandardPaths>
#include <QTcpServer>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <functional>

// The real programs as a person would start them, each in a process of its own.

namespace tidemill::testing {

inline QString builtProgram(const char *name)
{
    return QStringLiteral(TIDEMILL_BUILD_DIR "/bin/") + QLatin1String(name);
}

inline QString sourceFile(const QString &path)
{
    return QStringLiteral(TIDEMILL_SOURCE_DIR "/") + path;
}

// What a process may take beyond its own: the address sanitizer keeps freed memory for a while.
#ifdef __SANITIZE_ADDRESS__
inline constexpr qint64 sanitizerMiB = 1024;
#else
inline constexpr qint64 sanitizerMiB = 0;
#endif

// A recording that lies beside the checkout, or an empty text when there is none.
inline QString recording(const QString &path)
{
    const QString file = QStringLiteral(TIDEMILL_SOURCE_DIR "/../shared/data/") + path;
    return QFile::exists(file) ? file : QString();
}

struct HttpResult
{
    int status = 0;
    QByteArray contentType;
    QByteArray body;
    QJsonObject json() const { return QJsonDocument::fromJson(body).object(); }
};

inline HttpResult request(const QString &url, const QByteArray &method = "GET", const QByteArray &accept = {},
                          int timeoutMs = 10000)
{
    QNetworkAccessManager manager;
    manager.setProxy(QNetworkProxy::NoProxy);
    QNetworkRequest request{QUrl(url)};
    if (!accept.isEmpty())
        request.setRawHeader("Accept", accept);
    QNetworkReply *reply = manager.sendCustomRequest(request, method);
    if (!QTest::qWaitFor([reply] { return reply->isFinished(); }, timeoutMs))
        return {};
    return {reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt(),
            reply->header(QNetworkRequest::ContentTypeHeader).toByteArray(), reply->readAll()};
}

class Program
{
public:
    Program()
    {
        m_process.setProcessChannelMode(QProcess::MergedChannels);
        QObject::connect(&m_process, &QProcess::readyRead, &m_process,
                         [this] { m_output += m_process.readAll(); });
    }
    ~Program() { kill(); }

    void setEnvironment(const QString &name, const QString &value)
    {
        QProcessEnvironment environment = m_process.processEnvironment();
        if (environment.isEmpty())
            environment = QProcessEnvironment::systemEnvironment();
        environment.insert(name, value);
        m_process.setProcessEnvironment(environment);
    }
    // What it writes to its standard output goes into that file; output() is the rest. Before start().
    void separateOutput(const QString &file)
    {
        m_process.setProcessChannelMode(QProcess::SeparateChannels);
        m_process.setStandardOutputFile(file);
        QObject::connect(&m_process, &QProcess::readyReadStandardError, &m_process,
                         [this] { m_output += m_process.readAllStandardError(); });
    }
    void setWorkingDirectory(const QString &folder) { m_process.setWorkingDirectory(folder); }

    bool start(const QString &program, const QStringList &arguments)
    {
        m_output.clear();
        m_process.start(program, arguments);
        return m_process.waitForStarted();
    }

    // The first match in what it has printed; invalid after the time is over.
    QRegularExpressionMatch waitForOutput(const QString &pattern, int timeoutMs = 15000)
    {
        const QRegularExpression expression(pattern);
        QRegularExpressionMatch match;
        (void)QTest::qWaitFor(
            [&] {
                match = expression.match(QString::fromUtf8(m_output));
                return match.hasMatch() || m_process.state() == QProcess::NotRunning;
            },
            timeoutMs);
        match = expression.match(QString::fromUtf8(m_output));
        return match;
    }

    bool waitForEnd(int timeoutMs = 20000)
    {
        const bool ended =
            QTest::qWaitFor([this] { return m_process.state() == QProcess::NotRunning; }, timeoutMs);
        m_output += m_process.readAll();
        if (m_process.processChannelMode() == QProcess::SeparateChannels)
            m_output += m_process.readAllStandardError();
        return ended;
    }
    void signal(int number) { ::kill(pid_t(m_process.processId()), number); }
    void kill()
    {
        if (m_process.state() == QProcess::NotRunning)
            return;
        m_process.kill();
        m_process.waitForFinished();
    }

    qint64 id() const { return m_process.processId(); }
    bool isRunning() const { return m_process.state() != QProcess::NotRunning; }
    int exitCode() const
    {
        return m_process.exitStatus() == QProcess::NormalExit ? m_process.exitCode() : -1;
    }
    const QByteArray &output() const { return m_output; }

private:
    QProcess m_process;
    QByteArray m_output;
};

// Runs to its end and gives what it printed.
inline QByteArray outputOf(const QString &program, const QStringList &arguments, int *exitCode)
{
    Program running;
    *exitCode = -1;
    if (running.start(program, arguments) && running.waitForEnd(60000))
        *exitCode = running.exitCode();
    return running.output();
}

// The fake exchange.
class ExchangeProgram : public Program
{
public:
    bool begin(const QStringList &arguments)
    {
        if (!start(builtProgram("tidemill-exchange"), arguments))
            return false;
        ws = waitForOutput(QStringLiteral("\"ws\" *: *\"([^\"]*)\"")).captured(1);
        rest = waitForOutput(QStringLiteral("\"rest\" *: *\"([^\"]*)\"")).captured(1);
        return !ws.isEmpty() && !rest.isEmpty();
    }

    bool inject(const QString &fault)
    {
        return request(rest + QStringLiteral("/__fault?spec=") +
                           QString::fromLatin1(QUrl::toPercentEncoding(fault)),
                       "POST")
                   .status == 200;
    }

    QString ws;
    QString rest;
};

// What is wrong with the figures of /stats; empty if nothing is. Only while nothing moves: figures are not
// all read at the same moment. For nodes and edges: received = delivered + dropped + queued; and what a node
// has received is what the edges into it have.
inline QString figuresThatDoNotAddUp(const QJsonObject &stats)
{
    QStringList wrong;
    QMap<QString, qint64> intoNode;
    const auto check = [&wrong](const QString &name, const QJsonValue &of, const char *delivered) {
        const auto number = [&of](const char *figure) { return of[QLatin1String(figure)].toInteger(-1); };
        if (number("records_in") != number(delivered) + number("records_dropped") + number("records_queued"))
            wrong.append(name);
    };
    for (const QJsonValue edge : stats["edges"].toArray()) {
        check(edge["from"].toString() + u'>' + edge["to"].toString(), edge, "records_out");
        intoNode[edge["pipeline"].toString() + u'.' + edge["to"].toString()] +=
            edge["records_in"].toInteger();
    }
    int nodes = 0;
    for (const QJsonValue node : stats["nodes"].toArray()) {
        if (node["kind"] == QLatin1String("source"))
            continue;
        ++nodes;
        const QString name = node["pipeline"].toString() + u'.' + node["node"].toString();
        check(name, node, "records_delivered");
        if (node["records_in"].toInteger() != intoNode.value(name, -1))
            wrong.append(name + QStringLiteral(" and the edges into it"));
    }
    return nodes == 0 ? QStringLiteral("no figures") : wrong.join(u' ');
}

// The same for what a host says of each node when it has stopped.
inline QString finalFiguresThatDoNotAddUp(const QByteArray &output)
{
    static const QRegularExpression line(QStringLiteral(
        "([a-z0-9_.-]+): received (\\d+) = delivered (\\d+) \\+ dropped (\\d+) \\+ queued (\\d+)"));
    QStringList wrong;
    int nodes = 0;
    auto match = line.globalMatch(QString::fromUtf8(output));
    for (; match.hasNext(); ++nodes) {
        const QRegularExpressionMatch found = match.next();
        const auto number = [&found](int group) { return found.captured(group).toLongLong(); };
        if (number(2) != number(3) + number(4) + number(5))
            wrong.append(found.captured(1));
    }
    if (output.contains("does not add up"))
        wrong.append(QStringLiteral("what the host itself says does not add up"));
    return nodes == 0 ? QStringLiteral("no figures") : wrong.join(u' ');
}

// `tidemill run` on a pipeline given as text, in a folder of its own.
class HostProgram : public Program
{
public:
    explicit HostProgram(const QString &folder) : m_folder(folder) { setWorkingDirectory(folder); }

    bool runText(const QString &pipeline, const QStringList &more = {})
    {
        const QString path = m_folder + QStringLiteral("/pipeline.yaml");
        QFile file(path);
        if (!file.open(QIODevice::WriteOnly))
            return false;
        file.write(pipeline.toUtf8());
        file.close();
        return runFile(path, more);
    }

    bool runFile(const QString &path, const QStringList &more = {})
    {
        return runAsItSays(path, QStringList{"--http", "127.0.0.1:0"} + more);
    }

    // HTTP where the pipeline itself says.
    bool runAsItSays(const QString &path, const QStringList &more = {})
    {
        if (!start(builtProgram("tidemill"),
                   QStringList{"run", path, "--log-format", "json", "--state-dir", m_folder + "/state"} +
                       more))
            return false;
        http = waitForOutput(QStringLiteral("HTTP on (http://[0-9.:]*)/")).captured(1);
        return !http.isEmpty() && waitForOutput(QStringLiteral("pipeline [a-z0-9_-]* started")).hasMatch();
    }

    // The same on a port that was free a moment ago; `tell` lets the pipeline know of it. 0 if it did not
    // start.
    quint16 runOnFreePort(const std::function<QString(quint16)> &tell, const QStringList &more = {})
    {
        for (int attempt = 0; attempt < 5; ++attempt) {
            QTcpServer probe;
            if (!probe.listen(QHostAddress::LocalHost))
                break;
            const quint16 port = probe.serverPort();
            probe.close();
            if (runAsItSays(tell(port), more))
                return port;
            kill(); // somebody was faster
        }
        return 0;
    }

    HttpResult get(const QString &path, const QByteArray &accept = {})
    {
        return request(http + path, "GET", accept);
    }

    // Figures of one node, from /stats.
    QJsonObject node(const QString &name)
    {
        for (const QJsonValue value : get(QStringLiteral("/stats")).json()["nodes"].toArray()) {
            if (value["node"].toString() == name)
                return value.toObject();
        }
        return {};
    }

    // Asks it to end as systemd does. True if it did so with exit code 0 and figures that add up.
    bool endWell(int timeoutMs = 20000)
    {
        signal(SIGTERM);
        return waitForEnd(timeoutMs) && exitCode() == 0 && addedUp();
    }

    // After its end.
    bool addedUp() const
    {
        const QString wrong = finalFiguresThatDoNotAddUp(output());
        if (!wrong.isEmpty())
            qWarning("figures that do not add up: %s", qPrintable(wrong));
        return wrong.isEmpty();
    }

    QString http;

private:
    QString m_folder;
};

} // namespace tidemill::testing
