// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "market_data.h"

#include <QByteArrayList>
#include <QObject>

namespace tidemill::exchange {

// What a session may do with its connection.
class SessionHost
{
public:
    virtual void sendText(const QByteArray &payload) = 0;
    virtual void close(int code, const QString &reason) = 0;
    virtual void violate(const QString &what) = 0; // the client has broken a rule
    // To be called after streams() has changed: frames of the new ones come from then on, but not before the
    // event loop runs again.
    virtual void subscriptionsChanged() = 0;
    virtual MarketData *data() const = 0; // may be none
    virtual bool isSilent() const = 0;    // told to send nothing on its own account

protected:
    ~SessionHost() = default;
};

// How one protocol talks to one client: what its messages mean, and what the frames look like for it. Belongs
// to the connection.
class Session : public QObject
{
public:
    explicit Session(SessionHost &host) : m_host(host) {}

    virtual void opened() {}
    virtual void receive(const QByteArray &message) = 0;
    // The streams of the market data that this client gets, by the names the data have for them.
    virtual QByteArrayList streams() const = 0;
    // The bytes of `frame` for this client, which has it under the name `name`; nothing when it gets none.
    virtual QByteArray render(const StreamFrame &frame, const QByteArray &name) = 0;
    virtual void skipped(const StreamFrame &) {} // the client is not to get this one: a gap, or silence
    virtual void sent() {}                       // something has gone to the client
    virtual QByteArray shutdownNotice() const { return {}; }

    virtual bool wantsMicroseconds() const { return false; }
    virtual bool countsControlFrames() const { return false; } // pings and pongs, among the messages
    virtual void handleFlood() { m_host.close(1008, QStringLiteral("Too many requests")); }

protected:
    SessionHost &host() const { return m_host; }

private:
    SessionHost &m_host;
};

} // namespace tidemill::exchange
