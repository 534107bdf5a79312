// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "faults.h"
#include "http_server.h"
#include "market_data.h"
#include "settings.h"

#include <QElapsedTimer>
#include <QPointer>

namespace tidemill::exchange {

// The REST side of an exchange: a protocol answers, faults interfere.
class RestApi
{
public:
    explicit RestApi(const Settings &settings);
    virtual ~RestApi() = default;

    void setData(MarketData *data) { m_data = data; }

    HttpResponse answer(const HttpRequest &request);

    void inject(const Fault &fault); // Rest, Slow, Truncate or Stale
    qint64 requests() const { return m_requests; }
    const QStringList &violations() const { return m_violations; }

protected:
    // Nothing when the client keeps to the limits.
    virtual std::optional<HttpResponse> refuse(const HttpRequest &request) = 0;
    virtual HttpResponse carryOut(const HttpRequest &request) = 0;
    // Whatever the answer is, refusals and faults included.
    virtual void finish(const HttpRequest &, HttpResponse &) {}

    const Settings &settings() const { return m_settings; }
    MarketData *data() const { return m_data; }
    void violate(const QString &what);
    bool takeStale(); // whether this answer has to be an old one

private:
    std::optional<HttpResponse> faulty(const QByteArray &path) const;
    std::chrono::milliseconds delayOf(const QByteArray &path) const;

    const Settings &m_settings;
    QPointer<MarketData> m_data;
    QElapsedTimer m_clock;
    std::optional<Fault> m_statusFault;
    qint64 m_statusUntilMs = 0;
    struct Slowness
    {
        Fault fault;
        qint64 untilMs;
    };
    QList<Slowness> m_slow; // the latest that concerns a path counts
    int m_truncate = 0;
    int m_stale = 0;
    qint64 m_requests = 0;
    QStringList m_violations;
};

} // namespace tidemill::exchange
