// SPDX-License-Identifier: Apache-2.0
#include "http_service.h"

#include "accept_header.h"
#include "health.h"
#include "legacy_metrics.h"
#include "live_page.h"
#include "status_json.h"

#include <QCryptographicHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QUrlQuery>

namespace tidemill::host {

static const QByteArray jsonType = "application/json";
static const QByteArray textType = "text/plain; version=0.0.4; charset=utf-8";
static const QByteArray openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

static const QStringList endpoints{
    QStringLiteral("/"),
    QStringLiteral("/health"),
    QStringLiteral("/health/live"),
    QStringLiteral("/health/ready"),
    QStringLiteral("/health/detailed"),
    QStringLiteral("/health/components/{id}"),
    QStringLiteral("/metrics"),
    QStringLiteral("/prometheus"),
    QStringLiteral("/stats"),
    QStringLiteral("/pairs"),
    QStringLiteral("/graph"),
};

static HttpAnswer textAnswer(const QByteArray &contentType, const QByteArray &body)
{
    HttpAnswer answer;
    answer.contentType = contentType;
    answer.body = body;
    return answer;
}

static HttpAnswer jsonAnswer(int status, const QJsonObject &object)
{
    HttpAnswer answer = textAnswer(jsonType, QJsonDocument(object).toJson(QJsonDocument::Compact) + '\n');
    answer.status = status;
    return answer;
}

static HttpAnswer healthAnswer(const HealthAnswer &found)
{
    return jsonAnswer(found.ok ? 200 : 503, found.body);
}

static HttpAnswer errorAnswer(int status, const QString &message)
{
    return jsonAnswer(status, {{QStringLiteral("error"), message}});
}

// The path as text: percent signs decoded, a slash at the end forgiven. Nothing if it is none.
static std::optional<QString> decodedPath(const QByteArray &path)
{
    if (!path.startsWith('/'))
        return {};
    for (qsizetype i = path.indexOf('%'); i >= 0; i = path.indexOf('%', i + 1)) {
        bool isHex = false;
        path.mid(i + 1, 2).toUInt(&isHex, 16);
        if (!isHex || path.size() - i < 3)
            return {};
    }
    const QByteArray bytes = QByteArray::fromPercentEncoding(path);
    QString text = QString::fromUtf8(bytes);
    if (text.toUtf8() != bytes || bytes.contains('\0'))
        return {};
    if (text.size() > 1 && text.endsWith(u'/'))
        text.chop(1);
    return text;
}

// Takes as long for a token that is nearly right as for one that is not at all.
static bool isSame(const QByteArray &a, const QByteArray &b)
{
    const QByteArray hashA = QCryptographicHash::hash(a, QCryptographicHash::Sha256);
    const QByteArray hashB = QCryptographicHash::hash(b, QCryptographicHash::Sha256);
    int difference = 0;
    for (qsizetype i = 0; i < hashA.size(); ++i)
        difference |= hashA[i] ^ hashB[i];
    return difference == 0;
}

HttpService::HttpService(const HostStatus &status, MetricsRegistry &metrics, const Settings &settings)
    : m_status(status)
    , m_metrics(metrics)
    , m_settings(settings)
{
    exportProcessMetrics(metrics, settings.version);
    addLegacyMetrics(metrics);
}

bool HttpService::isAuthorized(const HttpRequest &request) const
{
    constexpr QByteArrayView scheme = "bearer ";
    if (request.authorization.left(scheme.size()).toLower() != scheme)
        return false;
    return isSame(request.authorization.mid(scheme.size()).trimmed(), m_settings.token);
}

HttpAnswer HttpService::answer(const HttpRequest &request)
{
    HttpAnswer answer;
    const std::optional<QString> path = decodedPath(request.path);
    const bool isOpen = path == QLatin1String("/health") || path == QLatin1String("/health/live") ||
                        path == QLatin1String("/");
    if (!request.fromLoopback && !mayServeOthers()) {
        answer = errorAnswer(403, QStringLiteral("only this machine is served without a token"));
    } else if (!path) {
        answer = errorAnswer(400, QStringLiteral("expected a path beginning with '/', in UTF-8"));
    } else if (!m_settings.token.isEmpty() && !isOpen && !isAuthorized(request)) {
        answer = errorAnswer(401, QStringLiteral("expected 'Authorization: Bearer TOKEN'"));
        answer.headers.emplaceBack("WWW-Authenticate", "Bearer realm=\"tidemill\"");
    } else if (request.method != "GET" && request.method != "HEAD") {
        answer = errorAnswer(405, QStringLiteral("expected GET or HEAD"));
        answer.headers.emplaceBack("Allow", "GET, HEAD");
    } else {
        answer = route(*path, request);
    }
    answer.headers.emplaceBack("Cache-Control", "no-store");
    answer.headers.emplaceBack("X-Content-Type-Options", "nosniff");
    answer.contentLength = answer.body.size();
    if (request.method == "HEAD")
        answer.body.clear();
    return answer;
}

HttpAnswer HttpService::route(const QString &path, const HttpRequest &request)
{
    const QString components = QStringLiteral("/health/components/");
    const Timestamp now = Timestamp::now();
    if (path == QLatin1String("/health"))
        return healthAnswer(health(m_status, now));
    if (path == QLatin1String("/health/live"))
        return healthAnswer(liveness(m_status, now));
    if (path == QLatin1String("/health/ready"))
        return healthAnswer(readiness(m_status, now));
    if (path == QLatin1String("/health/detailed"))
        return healthAnswer(detailedHealth(m_status, now, m_settings.version));
    if (path.startsWith(components))
        return component(path.mid(components.size()));
    if (path == QLatin1String("/metrics"))
        return metrics(request);
    if (path == QLatin1String("/prometheus"))
        return textAnswer(textType, m_metrics.print());
    if (path == QLatin1String("/stats"))
        return jsonAnswer(200, statsJson(m_status, now));
    if (path == QLatin1String("/pairs"))
        return jsonAnswer(200, pairsJson(m_status, now));
    if (path == QLatin1String("/graph"))
        return graph(request);
    if (path == QLatin1String("/")) {
        HttpAnswer page = textAnswer("text/html; charset=utf-8", livePage());
        page.headers.emplaceBack("Content-Security-Policy", livePagePolicy());
        return page;
    }
    return jsonAnswer(404, {
                               {QStringLiteral("error"), QStringLiteral("there is no %1").arg(path)},
                               {QStringLiteral("endpoints"), QJsonArray::fromStringList(endpoints)},
                           });
}

HttpAnswer HttpService::component(const QString &id) const
{
    if (const auto found = componentHealth(m_status, id, Timestamp::now()))
        return healthAnswer(*found);
    return jsonAnswer(
        404, {
                 {QStringLiteral("error"), QStringLiteral("Component '%1' not found").arg(id)},
                 {QStringLiteral("available_components"), QJsonArray::fromStringList(componentIds(m_status))},
             });
}

HttpAnswer HttpService::metrics(const HttpRequest &request)
{
    const QByteArrayView type =
        preferredType(request.accept, {"text/plain", "application/openmetrics-text", "application/json"});
    HttpAnswer answer;
    if (type == QByteArrayView("application/json"))
        answer = textAnswer(jsonType,
                            legacyMetricsJson(m_metrics, m_cpu.percent(), machineMemoryPercent()) + '\n');
    else if (type == QByteArrayView("application/openmetrics-text"))
        answer = textAnswer(openMetricsType, m_metrics.print(true));
    else
        answer = textAnswer(textType, m_metrics.print());
    answer.headers.emplaceBack("Vary", "Accept");
    return answer;
}

HttpAnswer HttpService::graph(const HttpRequest &request) const
{
    if (!m_graph)
        return errorAnswer(503, QStringLiteral("the graph is not known yet"));
    const QUrlQuery query(QString::fromLatin1(request.query));
    const QString format = query.hasQueryItem(QStringLiteral("format"))
                               ? query.queryItemValue(QStringLiteral("format"), QUrl::FullyDecoded)
                               : QStringLiteral("json");
    QByteArray contentType;
    if (format == QLatin1String("json"))
        contentType = jsonType;
    else if (format == QLatin1String("dot"))
        contentType = "text/vnd.graphviz; charset=utf-8";
    else if (format == QLatin1String("mermaid"))
        contentType = "text/plain; charset=utf-8";
    else
        return errorAnswer(400,
                           QStringLiteral("format: expected json, dot or mermaid, got '%1'").arg(format));
    return textAnswer(contentType, m_graph(format).toUtf8());
}

} // namespace tidemill::host
