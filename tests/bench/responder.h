// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <sys/types.h>

namespace tidemill::bench {

// The least that an HTTP server for events can be: says to each event of a post that it is stored, and looks
// at nothing. One client at a time; a fork of this process, so that its time is not counted.
class Responder
{
public:
    Responder() = default;
    ~Responder();
    Responder(const Responder &) = delete;
    Responder &operator=(const Responder &) = delete;

    Result<> start();
    quint16 port() const { return m_port; }

private:
    quint16 m_port = 0;
    pid_t m_process = -1;
};

// A connection to a port of the loopback without Nagle's delay; -1 if there is none. The caller closes it.
int connectTo(quint16 port);
// All of it; false if the connection ended.
bool writeAll(int descriptor, const QByteArray &bytes);
// One HTTP message with a Content-Length, head and body; empty if the connection ended.
QByteArray readMessage(int descriptor, QByteArray &unread);

} // namespace tidemill::bench
