// SPDX-License-Identifier: Apache-2.0
#include "host/accept_header.h"
#include "host/http_service.h"
#include "host/status.h"

#include <QCryptographicHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace tidemill;
using namespace tidemill::host;
using namespace std::chrono_literals;

static const QByteArray promText = "text/plain; version=0.0.4; charset=utf-8";
static const QByteArray openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";

static QByteArray header(const HttpAnswer &answer, const QByteArray &name)
{
    for (const auto &[key, value] : answer.headers) {
        if (key == name)
            return value;
    }
    return {};
}

static QJsonObject json(const HttpAnswer &answer)
{
    return QJsonDocument::fromJson(answer.body).object();
}

static HttpRequest get(const QByteArray &path, const QByteArray &query = {})
{
    HttpRequest request;
    request.path = path;
    request.query = query;
    return request;
}

class tst_HttpService : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_status = std::make_unique<HostStatus>();
        m_metrics = std::make_unique<MetricsRegistry>();
        NodeDescription description;
        description.name = QStringLiteral("btc usd");
        description.type = QStringLiteral("binance");
        m_node = std::make_shared<NodeStatus>(QStringLiteral("p"), description);
        m_node->setState(NodeState::Running);
        m_status->add(m_node);
        m_status->ready = true;
        makeService({});
    }

    void routes_data()
    {
        QTest::addColumn<QByteArray>("path");
        QTest::addColumn<int>("status");
        QTest::addColumn<QByteArray>("contentType");
        QTest::addColumn<QByteArray>("holds");

        const QByteArray type = "application/json";
        const auto row = [&](const char *path, int status, const QByteArray &contentType, const char *holds) {
            QTest::newRow(path) << QByteArray(path) << status << contentType << QByteArray(holds);
        };
        row("/health", 200, type, "\"status\":\"OK\"");
        row("/health/", 200, type, "\"timestamp\":\"");
        row("/health/live", 200, type, "\"beat_age_seconds\"");
        row("/health/ready", 200, type, "\"status\":\"OK\"");
        row("/health/detailed", 200, type, "\"version\":\"1.2.3\"");
        row("/health/components/btc%20usd", 200, type, "\"type\":\"binance\"");
        row("/health/components/p/btc%20usd", 200, type, "\"type\":\"binance\"");
        row("/health/components/p%2Fbtc%20usd/", 200, type, "\"type\":\"binance\"");
        row("/health/components/eth", 404, type,
            "{\"available_components\":[\"p/btc usd\"],\"error\":\"Component 'eth' not found\"}");
        row("/health/components/", 404, type, "\"endpoints\"");
        row("/metrics", 200, promText, "# TYPE ws_message_count_total counter\nws_message_count_total 0\n");
        row("/prometheus/", 200, promText, "# TYPE process_open_fds gauge\n");
        row("/stats", 200, type, "\"nodes\":[{");
        row("/pairs", 200, type, "\"count\":0");
        row("/graph", 200, type, "graph as json");
        row("/", 200, "text/html; charset=utf-8", "<!DOCTYPE html>");
        row("/nope", 404, type, "\"/health/components/{id}\"");
        row("/Health", 404, type, "there is no /Health");
        row("/health/live/now", 404, type, "\"endpoints\"");
        row("//health", 404, type, "\"endpoints\"");
        row("", 400, type, "\"error\"");
        row("health", 400, type, "\"error\"");
        row("*", 400, type, "\"error\"");
        row("/%", 400, type, "\"error\"");
        row("/%4", 400, type, "\"error\"");
        row("/%zz", 400, type, "\"error\"");
        row("/%+1", 400, type, "\"error\"");
        row("/%ff", 400, type, "\"error\"");
        row("/health%00", 400, type, "\"error\"");
    }

    void routes()
    {
        QFETCH(QByteArray, path);
        QFETCH(int, status);
        QFETCH(QByteArray, contentType);
        QFETCH(QByteArray, holds);

        const HttpAnswer answer = m_service->answer(get(path));

        QCOMPARE(answer.status, status);
        QCOMPARE(answer.contentType, contentType);
        QCOMPARE(answer.contentLength, answer.body.size());
        QCOMPARE(header(answer, "Cache-Control"), QByteArray("no-store"));
        QCOMPARE(header(answer, "X-Content-Type-Options"), QByteArray("nosniff"));
        QVERIFY2(answer.body.contains(holds), answer.body.constData());
    }

    void unwellIs503()
    {
        m_node->setState(NodeState::Failed, QStringLiteral("gone"));
        m_status->stopping = true;

        for (const char *path :
             {"/health", "/health/ready", "/health/detailed", "/health/components/p/btc%20usd"})
            QCOMPARE(m_service->answer(get(path)).status, 503);
        QCOMPARE(m_service->answer(get("/health/live")).status, 200);
        QCOMPARE(json(m_service->answer(get("/health"))).value("status").toString(), QStringLiteral("FAIL"));
    }

    void methods_data()
    {
        QTest::addColumn<QByteArray>("method");
        QTest::addColumn<int>("status");

        for (const char *method :
             {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "UNKNOWN", "get", ""})
            QTest::newRow(*method != '\0' ? method : "none") << QByteArray(method) << 405;
        QTest::newRow("GET") << QByteArray("GET") << 200;
        QTest::newRow("HEAD") << QByteArray("HEAD") << 200;
    }

    void methods()
    {
        QFETCH(QByteArray, method);
        QFETCH(int, status);
        HttpRequest request = get("/");
        request.method = method;

        const HttpAnswer answer = m_service->answer(request);

        QCOMPARE(answer.status, status);
        QCOMPARE(header(answer, "Allow"), status == 405 ? QByteArray("GET, HEAD") : QByteArray());
    }

    void headIsGetWithoutBody()
    {
        HttpRequest request = get("/graph");
        const HttpAnswer full = m_service->answer(request);
        request.method = "HEAD";

        const HttpAnswer answer = m_service->answer(request);

        QCOMPARE(answer.status, full.status);
        QCOMPARE(answer.contentType, full.contentType);
        QCOMPARE(answer.contentLength, full.body.size());
        QVERIFY(answer.body.isEmpty());
        QVERIFY(!full.body.isEmpty());
    }

    void graphFormats_data()
    {
        QTest::addColumn<QByteArray>("query");
        QTest::addColumn<int>("status");
        QTest::addColumn<QByteArray>("contentType");
        QTest::addColumn<QByteArray>("body");

        const QByteArray type = "application/json";
        QTest::newRow("none") << QByteArray() << 200 << type << QByteArray("graph as json");
        QTest::newRow("json") << QByteArray("format=json") << 200 << type << QByteArray("graph as json");
        QTest::newRow("dot") << QByteArray("x=y&format=dot") << 200
                             << QByteArray("text/vnd.graphviz; charset=utf-8") << QByteArray("graph as dot");
        QTest::newRow("mermaid") << QByteArray("format=%6dermaid") << 200
                                 << QByteArray("text/plain; charset=utf-8") << QByteArray("graph as mermaid");
        QTest::newRow("unknown") << QByteArray("format=svg") << 400 << type
                                 << QByteArray(
                                        "{\"error\":\"format: expected json, dot or mermaid, got 'svg'\"}\n");
        QTest::newRow("empty") << QByteArray("format=") << 400 << type
                               << QByteArray(
                                      "{\"error\":\"format: expected json, dot or mermaid, got ''\"}\n");
    }

    void graphFormats()
    {
        QFETCH(QByteArray, query);
        QFETCH(int, status);
        QFETCH(QByteArray, contentType);
        QFETCH(QByteArray, body);

        const HttpAnswer answer = m_service->answer(get("/graph", query));

        QCOMPARE(answer.status, status);
        QCOMPARE(answer.contentType, contentType);
        QCOMPARE(answer.body, body);
    }

    void withoutAGraphItSaysSo()
    {
        m_service->setGraph({});

        QCOMPARE(m_service->answer(get("/graph")).status, 503);
    }

    void tokens_data()
    {
        QTest::addColumn<QByteArray>("path");
        QTest::addColumn<QByteArray>("authorization");
        QTest::addColumn<int>("status");

        QTest::newRow("right") << QByteArray("/stats") << QByteArray("Bearer s3cret") << 200;
        QTest::newRow("scheme in other case") << QByteArray("/stats") << QByteArray("bearer s3cret") << 200;
        QTest::newRow("more spaces") << QByteArray("/stats") << QByteArray("Bearer   s3cret ") << 200;
        QTest::newRow("none") << QByteArray("/stats") << QByteArray() << 401;
        QTest::newRow("wrong") << QByteArray("/stats") << QByteArray("Bearer s3creT") << 401;
        QTest::newRow("only a beginning") << QByteArray("/stats") << QByteArray("Bearer s3cre") << 401;
        QTest::newRow("longer") << QByteArray("/stats") << QByteArray("Bearer s3cret2") << 401;
        QTest::newRow("empty") << QByteArray("/stats") << QByteArray("Bearer ") << 401;
        QTest::newRow("other scheme") << QByteArray("/stats") << QByteArray("Basic s3cret") << 401;
        QTest::newRow("no scheme") << QByteArray("/stats") << QByteArray("s3cret") << 401;
        QTest::newRow("metrics") << QByteArray("/metrics") << QByteArray() << 401;
        QTest::newRow("detailed health") << QByteArray("/health/detailed") << QByteArray() << 401;
        QTest::newRow("unknown path") << QByteArray("/nope") << QByteArray() << 401;
        QTest::newRow("health is open") << QByteArray("/health") << QByteArray() << 200;
        QTest::newRow("liveness is open") << QByteArray("/health/live/") << QByteArray() << 200;
        QTest::newRow("the page is open") << QByteArray("/") << QByteArray() << 200;
    }

    void tokens()
    {
        QFETCH(QByteArray, path);
        QFETCH(QByteArray, authorization);
        QFETCH(int, status);
        makeService({.version = {}, .token = "s3cret"});
        for (const bool fromLoopback : {true, false}) {
            HttpRequest request = get(path);
            request.authorization = authorization;
            request.fromLoopback = fromLoopback;

            const HttpAnswer answer = m_service->answer(request);

            QCOMPARE(answer.status, status);
            QCOMPARE(header(answer, "WWW-Authenticate").startsWith("Bearer"), status == 401);
        }
    }

    void othersNeedATokenUnlessAllowedByWord()
    {
        HttpRequest request = get("/health");
        request.fromLoopback = false;
        QVERIFY(!m_service->mayServeOthers());
        QCOMPARE(m_service->answer(request).status, 403);

        makeService({.version = {}, .token = {}, .openWithoutToken = true});
        QVERIFY(m_service->mayServeOthers());
        QCOMPARE(m_service->answer(request).status, 200);
    }

    void prefersTypes_data()
    {
        QTest::addColumn<QByteArray>("accept");
        QTest::addColumn<QByteArray>("contentType");

        const QByteArray type = "application/json";
        QTest::newRow("nothing") << QByteArray() << promText;
        QTest::newRow("anything") << QByteArray("*/*") << promText;
        QTest::newRow("json") << QByteArray("application/json") << type;
        QTest::newRow("json first") << QByteArray("application/json, text/plain, */*") << type;
        QTest::newRow("json, in other case") << QByteArray("Application/JSON;charset=utf-8") << type;
        QTest::newRow("text rather than json") << QByteArray("application/json;q=0.5,text/plain") << promText;
        QTest::newRow("no json") << QByteArray("application/json;q=0") << promText;
        QTest::newRow("json, weight unreadable") << QByteArray("application/json;q=x") << promText;
        QTest::newRow("a scraper") << QByteArray("application/openmetrics-text;version=1.0.0,application/"
                                                 "openmetrics-text;version=0.0.1;q=0.75,"
                                                 "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
                                   << openMetrics;
        QTest::newRow("a browser")
            << QByteArray("text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8")
            << promText;
        QTest::newRow("rubbish") << QByteArray(";;,,q=1,/,") << promText;
    }

    void prefersTypes()
    {
        QFETCH(QByteArray, accept);
        QFETCH(QByteArray, contentType);
        HttpRequest request = get("/metrics");
        request.accept = accept;

        const HttpAnswer answer = m_service->answer(request);

        QCOMPARE(answer.contentType, contentType);
        QCOMPARE(header(answer, "Vary"), QByteArray("Accept"));
        QCOMPARE(answer.body.endsWith("# EOF\n"), contentType == openMetrics);

        request.path = "/prometheus";
        QCOMPARE(m_service->answer(request).contentType, promText);
    }

    void figuresOfTheReplacedCollector()
    {
        m_metrics->counter("ws_message_count_total", "M.").add(12);
        m_metrics->histogram("ws_message_latency_seconds", "L.").observe(3ms, 10);
        m_metrics->counter("ws_error_count_total", "E.").add(3);
        m_metrics->counter("tidemill_data_loss_total", "D.", {{"pipeline", "p"}, {"node", "a"}}).add(4);
        m_metrics->counter("tidemill_data_loss_total", "D.", {{"pipeline", "p"}, {"node", "b"}}).add(5);
        HttpRequest request = get("/metrics");
        request.accept = "application/json";

        const HttpAnswer answer = m_service->answer(request);

        const QJsonObject figures = json(answer);
        QCOMPARE(figures.value("average_latency").toDouble(), 0.003);
        QCOMPARE(figures.value("error_count").toInt(), 3);
        QCOMPARE(figures.value("data_loss_count").toInt(), 9);
        QCOMPARE(figures.value("message_count").toDouble(), 12.0);
        QVERIFY(answer.body.contains("\"message_count\":12.0"));
        for (const char *name : {"cpu_usage_percent", "memory_usage_percent"}) {
            const double percent = figures.value(QLatin1String(name)).toDouble(-1);
            QVERIFY2(percent >= 0 && percent <= 100, name);
        }

        const QByteArray page = m_service->answer(get("/prometheus")).body;
        for (const char *line :
             {"ws_message_count_total 12\n", "ws_error_count_total 3\n",
              "ws_message_latency_seconds_bucket{le=\"0.005\"} 10\n", "ws_message_latency_seconds_sum 0.03\n",
              "ws_message_latency_seconds_count 10\n", "# TYPE ws_message_count_created gauge\n",
              "# TYPE ws_message_latency_seconds_created gauge\n", "# TYPE ws_error_count_created gauge\n"})
            QVERIFY2(page.contains(line), line);
    }

    void thePageLoadsNothingFromElsewhere()
    {
        const HttpAnswer answer = m_service->answer(get("/"));
        const QByteArray policy = header(answer, "Content-Security-Policy");

        QVERIFY(policy.startsWith("default-src 'none'"));
        for (const QByteArray element : {"style", "script"}) {
            const qsizetype begin = answer.body.indexOf('<' + element + '>') + element.size() + 2;
            const qsizetype end = answer.body.indexOf("</" + element + '>');
            const QByteArray text = answer.body.mid(begin, end - begin);
            const QByteArray hash = QCryptographicHash::hash(text, QCryptographicHash::Sha256).toBase64();
            QVERIFY2(policy.contains("'sha256-" + hash + '\''), element.constData());
        }
        for (const char *forbidden : {"http:", "https:", " src=", "innerHTML", "//"})
            QVERIFY2(!answer.body.contains(forbidden), forbidden);
    }

private:
    void makeService(HttpService::Settings settings)
    {
        settings.version = QStringLiteral("1.2.3");
        m_metrics = std::make_unique<MetricsRegistry>();
        m_service = std::make_unique<HttpService>(*m_status, *m_metrics, settings);
        m_service->setGraph([](const QString &format) { return QStringLiteral("graph as ") + format; });
    }

    std::unique_ptr<HostStatus> m_status;
    std::unique_ptr<MetricsRegistry> m_metrics;
    std::shared_ptr<NodeStatus> m_node;
    std::unique_ptr<HttpService> m_service;
};

QTEST_GUILESS_MAIN(tst_HttpService)

#include "tst_http_service.moc"
