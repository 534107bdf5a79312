// SPDX-License-Identifier: Apache-2.0
#include "rest_api.h"

namespace tidemill::exchange {

namespace {

constexpr qsizetype maxViolations = 1000;

} // namespace

RestApi::RestApi(const Settings &settings) : m_settings(settings)
{
    m_clock.start();
}

void RestApi::inject(const Fault &fault)
{
    const qint64 until = m_clock.elapsed() + fault.duration.count();
    if (fault.kind == Fault::Rest) {
        m_statusFault = fault;
        m_statusUntilMs = until;
    } else if (fault.kind == Fault::Slow) {
        m_slow.prepend({fault, until});
    } else if (fault.kind == Fault::Truncate) {
        m_truncate = fault.number;
    } else if (fault.kind == Fault::Stale) {
        m_stale = fault.number;
    }
}

std::optional<HttpResponse> RestApi::faulty(const QByteArray &path) const
{
    if (!m_statusFault || m_clock.elapsed() >= m_statusUntilMs || !path.startsWith(m_statusFault->target))
        return std::nullopt;
    // As a proxy or firewall answers: not JSON.
    HttpResponse response;
    response.status = m_statusFault->number;
    response.type = "text/html";
    response.body = "<html><body><h1>" + QByteArray::number(response.status) + "</h1></body></html>";
    if (m_statusFault->retryAfter >= 0)
        response.headers.append({"Retry-After", QByteArray::number(m_statusFault->retryAfter)});
    return response;
}

std::chrono::milliseconds RestApi::delayOf(const QByteArray &path) const
{
    for (const Slowness &slow : m_slow) {
        if (m_clock.elapsed() < slow.untilMs && path.startsWith(slow.fault.target))
            return slow.fault.delay;
    }
    return m_settings.restDelay;
}

void RestApi::violate(const QString &what)
{
    if (m_violations.size() < maxViolations)
        m_violations.append(what);
}

bool RestApi::takeStale()
{
    return m_stale > 0 && m_stale-- > 0;
}

HttpResponse RestApi::answer(const HttpRequest &request)
{
    if (request.path.startsWith("/__"))
        return carryOut(request); // a test's own doing
    ++m_requests;
    HttpResponse response;
    if (const auto refusal = refuse(request))
        response = *refusal;
    else if (const auto fault = faulty(request.path))
        response = *fault;
    else
        response = carryOut(request);
    finish(request, response);
    response.delay = delayOf(request.path);
    if (m_truncate > 0) {
        --m_truncate;
        response.truncated = true;
    }
    return response;
}

} // namespace tidemill::exchange
