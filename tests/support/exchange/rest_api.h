// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "faults.h"
#include "http_server.h"
#include "market_data.h"
#include "settings.h"
#include "weight_meter.h"

#include <QElapsedTimer>
#include <QPointer>

namespace tidemill::exchange {

// /api/v3/...: history and books of the present market data.
class RestApi
{
public:
    explicit RestApi(const Settings &settings);

    void setData(MarketData *data) { m_data = data; }

    HttpResponse answer(const HttpRequest &request);

    void inject(const Fault &fault); // Rest, Slow, Truncate or Stale
    qint64 requests() const { return m_requests; }
    const QStringList &violations() const { return m_violations; }

private:
    struct Endpoint
    {
        const char *path;
        QByteArrayList parameters;
        HttpResponse (RestApi::*handler)(const HttpRequest &);
    };

    std::optional<HttpResponse> faulty();
    static int weight(const HttpRequest &request);
    HttpResponse carryOut(const HttpRequest &request);

    HttpResponse ping(const HttpRequest &request);
    HttpResponse time(const HttpRequest &request);
    HttpResponse exchangeInfo(const HttpRequest &request);
    HttpResponse depth(const HttpRequest &request);
    HttpResponse trades(const HttpRequest &request);
    HttpResponse historicalTrades(const HttpRequest &request);
    HttpResponse aggTrades(const HttpRequest &request);
    HttpResponse candles(const HttpRequest &request);

    const Settings &m_settings;
    QPointer<MarketData> m_data;
    QList<Endpoint> m_endpoints;
    WeightMeter m_weights;
    QElapsedTimer m_clock;
    std::optional<Fault> m_statusFault;
    std::optional<Fault> m_slowFault;
    qint64 m_statusUntilMs = 0;
    qint64 m_slowUntilMs = 0;
    int m_truncate = 0;
    int m_stale = 0;
    qint64 m_requests = 0;
    QStringList m_violations;
};

} // namespace tidemill::exchange
