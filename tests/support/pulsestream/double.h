// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http_door.h"
#include "service.h"

#include <QHostAddress>
#include <QString>

namespace tidemill::pulsestream {

// A stand-in for the PulseStream service on a port of 127.0.0.1: Service behind HttpDoor.
class Double
{
public:
    // False if the port is taken; 0: any.
    bool start(quint16 port = 0)
    {
        const bool listens = door.listen(QHostAddress::LocalHost, m_port == 0 ? port : m_port);
        m_port = door.serverPort() == 0 ? m_port : door.serverPort();
        return listens;
    }
    // Nobody listens any more and everybody is cut off; start() brings it back on the same port.
    void stop()
    {
        door.close();
        door.abortAll();
    }

    QString url() const { return QStringLiteral("http://127.0.0.1:%1/api/v1/ingestion/events").arg(m_port); }

    Service service;
    HttpDoor door{[this](const Request &request) { return service.answer(request); }};

private:
    quint16 m_port = 0;
};

} // namespace tidemill::pulsestream
