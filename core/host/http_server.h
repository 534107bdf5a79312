// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QString>

#include <chrono>
#include <memory>

namespace tidemill::host {

class HttpService;

// What a client can take up at most.
struct HttpLimits
{
    int connections = 64;
    qint64 requestBytes = 16 << 10; // request line, header and body together
    qint64 unreadBytes = 4 << 20;   // answers that a client asked for and does not take
    // For a whole request to arrive, for its answer to be taken, and between two requests.
    std::chrono::milliseconds patience{15'000};
};

// Lets clients talk to an HttpService. Apart from the host, because what implements it is under another
// licence (LICENSING.md) and may be left out.
class HttpServer
{
public:
    virtual ~HttpServer() = default;

    // Waits until it listens and says on which port (0 asks for a free one). `host` is an IP address or
    // "localhost". Beyond this machine it listens only if the service mayServeOthers().
    virtual Result<quint16> listen(const QString &host, quint16 port) = 0;
    // Ends all connections and waits until that is done.
    virtual void close() = 0;
};

// Answers in a thread of its own. The service must outlive it. Is in tidemill-http, so there only in builds
// with TIDEMILL_HTTP (defined for everything that links it).
std::unique_ptr<HttpServer> makeHttpServer(HttpService &service, const HttpLimits &limits = {});

} // namespace tidemill::host
