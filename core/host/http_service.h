// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "process_stats.h"

#include <QByteArray>
#include <QString>

#include <functional>
#include <utility>

namespace tidemill::host {

class HostStatus;

struct HttpRequest
{
    QByteArray method = "GET";
    QByteArray path; // still percent-encoded, without the query
    QByteArray query;
    QByteArray accept;
    QByteArray authorization;
    bool fromLoopback = true;
};

struct HttpAnswer
{
    int status = 200;
    QByteArray contentType;
    QByteArray body;                                  // empty for HEAD
    qsizetype contentLength = 0;                      // of the body that GET would have had
    QList<std::pair<QByteArray, QByteArray>> headers; // beside Content-Type and Content-Length
};

// Every path of the endpoint and what it answers, without a socket. Reads atomics and snapshots only, so it
// answers while the graph is busy. answer(): any thread.
class HttpService
{
public:
    struct Settings
    {
        QString version;
        // If set, everything but /health, /health/live and the page (which holds no figures itself) needs it.
        QByteArray token;
        // Serve others than this machine without a token.
        bool openWithoutToken = false;
    };

    // Both must outlive the service. Adds to `metrics` what it serves besides the nodes' own: process and
    // legacy figures.
    HttpService(const HostStatus &status, MetricsRegistry &metrics, const Settings &settings);

    // The graph as text in a format: json, dot or mermaid. Called on the thread that answers.
    void setGraph(std::function<QString(const QString &format)> graph) { m_graph = std::move(graph); }

    HttpAnswer answer(const HttpRequest &request);

    // False: nobody but this machine may be let in.
    bool mayServeOthers() const { return !m_settings.token.isEmpty() || m_settings.openWithoutToken; }

private:
    HttpAnswer route(const QString &path, const HttpRequest &request);
    HttpAnswer metrics(const HttpRequest &request);
    HttpAnswer graph(const HttpRequest &request) const;
    HttpAnswer component(const QString &id) const;
    bool isAuthorized(const HttpRequest &request) const;

    const HostStatus &m_status;
    MetricsRegistry &m_metrics;
    Settings m_settings;
    MachineCpu m_cpu;
    std::function<QString(const QString &)> m_graph;
};

} // namespace tidemill::host
