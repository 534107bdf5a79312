// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/http_server.h"

#include <QHostAddress>
#include <QThread>

#include <future>
#include <memory>

namespace tidemill::http {

// Qt HttpServer in a thread of its own. This file and http_endpoint.cpp are all that knows that library,
// whose API is not the same in Qt 6.4 and 6.8.
class HttpEndpoint final : public host::HttpServer
{
public:
    HttpEndpoint(host::HttpService &service, const host::HttpLimits &limits);
    ~HttpEndpoint() override;

    Result<quint16> listen(const QString &host, quint16 port) override;
    void close() override;

private:
    void serve(const QHostAddress &address, quint16 port, std::promise<Result<quint16>> bound) const;

    host::HttpService &m_service;
    host::HttpLimits m_limits;
    std::unique_ptr<QThread> m_thread;
    // Beside QThread::wait(), because it is what makes everything the thread did visible to whoever waits for
    // it.
    std::future<void> m_ended;
};

} // namespace tidemill::http
