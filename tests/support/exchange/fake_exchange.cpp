// SPDX-License-Identifier: Apache-2.0
#include "fake_exchange.h"

#include "rest_query.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace tidemill::exchange {

FakeExchange::FakeExchange(const Settings &settings)
    : m_settings(settings)
    , m_protocol(Protocol::create(m_settings))
    , m_rest(m_protocol->makeRestApi())
    , m_http([this](const HttpRequest &request) { return answer(request); })
    , m_server(m_settings, *m_protocol)
{}

bool FakeExchange::start(QString *error)
{
    if (!m_http.listen(QHostAddress::LocalHost, m_settings.restPort)) {
        *error = QStringLiteral("REST port %1: %2").arg(m_settings.restPort).arg(m_http.errorString());
        return false;
    }
    return m_server.start(error);
}

QUrl FakeExchange::restUrl() const
{
    QUrl url;
    url.setScheme(QStringLiteral("http"));
    url.setHost(QStringLiteral("127.0.0.1"));
    url.setPort(m_http.serverPort());
    return url;
}

bool FakeExchange::playTape(const QString &fileName, const TapeOptions &options, QString *error)
{
    auto tape = Tape::load(fileName, error, m_protocol->tapeNamer());
    if (!tape)
        return false;
    setData(std::make_unique<TapePlayer>(std::move(*tape), options));
    return true;
}

void FakeExchange::generate(const GeneratorOptions &options)
{
    setData(m_protocol->simulate(options));
}

void FakeExchange::setData(std::unique_ptr<MarketData> data)
{
    m_data = std::move(data);
    m_rest->setData(m_data.get());
    m_server.setData(m_data.get());
    MarketData *const source = m_data.get();
    connect(source, &MarketData::published, &m_server, &ExchangeServer::publish);
    connect(&m_server, &ExchangeServer::audienceChanged, source, &MarketData::setAudience);
    connect(&m_server, &ExchangeServer::congestionChanged, source, &MarketData::setCongested);
    connect(&m_server, &ExchangeServer::demandChanged, source, &MarketData::setDemand);
    connect(&m_server, &ExchangeServer::microsecondsWanted, source, &MarketData::setMicrosecondsWanted);
    connect(source, &MarketData::ended, this, &FakeExchange::dataEnded);
    connect(source, &MarketData::began, this, [this] {
        for (const PlannedFault &planned : std::as_const(m_afterData))
            QTimer::singleShot(planned.at, this, [this, fault = planned.fault] { inject(fault); });
        m_afterData.clear();
        emit dataBegan();
    });
    source->setAudience(0); // one that waits for nobody begins now
    m_server.announceAudience();
}

void FakeExchange::inject(const Fault &fault)
{
    switch (fault.kind) {
    case Fault::Close:
        return m_server.closeAll(fault.number, QStringLiteral("fault"));
    case Fault::Abort:
        return m_server.resetAll();
    case Fault::Refuse:
        return m_server.refuseConnections(fault.duration);
    case Fault::Status:
        return m_server.refuseWithStatus(fault.number, fault.retryAfter, fault.duration);
    case Fault::Silence:
        return fault.target.isEmpty() ? m_server.silenceAll(fault.duration)
                                      : m_server.silenceSymbol(fault.target, fault.duration);
    case Fault::NoPong:
        return m_server.withholdPongs(fault.duration);
    case Fault::ServerShutdown:
        return m_server.announceShutdown(fault.delay);
    case Fault::Gap:
    case Fault::Repeat:
    case Fault::Corrupt:
        return m_server.mangle(fault);
    case Fault::Rest:
    case Fault::Slow:
    case Fault::Truncate:
    case Fault::Stale:
        return m_rest->inject(fault);
    }
}

bool FakeExchange::inject(const QString &spec, QString *error)
{
    const auto fault = Fault::parse(spec, error);
    if (fault)
        inject(*fault);
    return fault.has_value();
}

void FakeExchange::plan(const PlannedFault &planned)
{
    if (planned.afterData)
        m_afterData.append(planned);
    else
        QTimer::singleShot(planned.at, this, [this, fault = planned.fault] { inject(fault); });
}

QJsonObject FakeExchange::stats() const
{
    QJsonObject stats = m_server.stats();
    QStringList violations = m_server.violations();
    violations += m_rest->violations();
    stats.insert(QStringLiteral("violations"), QJsonArray::fromStringList(violations));
    stats.insert(QStringLiteral("rest_requests"), m_rest->requests());
    stats.insert(QStringLiteral("position"), m_data ? m_data->position() : QJsonObject());
    return stats;
}

HttpResponse FakeExchange::answer(const HttpRequest &request)
{
    if (request.path == "/__stats")
        return jsonAnswer(QJsonDocument(stats()).toJson(QJsonDocument::Compact));
    if (request.path == "/__fault")
        return answerFault(request);
    if (request.path == "/__say")
        return answerSay(request);
    if (request.path == "/__truth/trades" || request.path == "/__truth/depth")
        return answerTruth(request);
    return m_rest->answer(request);
}

HttpResponse FakeExchange::answerFault(const HttpRequest &request)
{
    if (request.method != "POST")
        return apiError(-1000, "Only POST.", 405);
    QString error;
    if (inject(QString::fromUtf8(request.parameter("spec")), &error))
        return jsonAnswer("{}");
    return apiError(-1000, error.toUtf8());
}

HttpResponse FakeExchange::answerSay(const HttpRequest &request)
{
    if (request.method != "POST" || request.body.isEmpty())
        return apiError(-1000, "POST with a body only.", 405);
    say(request.body);
    return jsonAnswer("{}");
}

HttpResponse FakeExchange::answerTruth(const HttpRequest &request)
{
    const QByteArray kind = request.path.endsWith("depth") ? "depth" : "trade";
    HttpResponse response;
    response.type = "application/x-ndjson";
    response.chunks = m_data ? m_data->truth(kind, request.parameter("symbol")) : nullptr;
    return response.chunks ? response : apiError(-1121, "Invalid symbol.");
}

} // namespace tidemill::exchange
