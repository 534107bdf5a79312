// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "protocol.h"
#include "settings.h"
#include "wire_socket.h"

#include <QElapsedTimer>
#include <QPointer>
#include <QTimer>
#include <QWebSocket>

#include <deque>
#include <memory>

namespace tidemill::exchange {

// One client: what it has subscribed to, and whether it keeps the exchange's rules.
class Connection final : public QObject, private SessionHost
{
    Q_OBJECT

public:
    using Milliseconds = std::chrono::milliseconds;

    // `wire` is the socket below `socket`; both belong to the connection now.
    Connection(int id, std::unique_ptr<QWebSocket> socket, WireSocket *wire, const UpgradeRequest &request,
               Protocol &protocol, const Settings &settings, const QPointer<MarketData> &data);
    ~Connection() override;

    int id() const { return m_id; }
    bool wantsMicroseconds() const { return m_session->wantsMicroseconds(); }
    bool isSilent() const override { return m_silence.isActive(); }
    bool isOpen() const { return m_socket->state() == QAbstractSocket::ConnectedState; }
    bool isCongested() const { return m_congested; }
    QByteArrayList streams() const { return m_session->streams(); }
    qint64 queuedBytes() const { return m_wire ? m_wire->queuedBytes() : 0; }

    void begin() { m_session->opened(); }
    // Sends `frame`, so many times, under the name that this client asked for. False when it was withheld.
    bool deliver(const StreamFrame &frame, const QByteArray &name, int copies = 1);
    void sendText(const QByteArray &payload) override;
    void announceShutdown();

    void close(int code, const QString &reason) override;
    void reset();
    // Nothing more is sent on its own account for that long, pings included.
    void keepSilent(Milliseconds duration);
    void withholdPongs(Milliseconds duration);

Q_SIGNALS:
    void streamsChanged();
    void audienceChanged(); // fell silent, or speaks again
    void congestionChanged();
    void messageReceived();
    void violated(const QString &what);
    void closed();

private:
    void countFrame(int opcode, bool masked);
    void checkPong(const QByteArray &payload);
    void sendPing();
    void enforcePongs();
    void violate(const QString &what) override;
    void subscriptionsChanged() override { emit streamsChanged(); }
    MarketData *data() const override { return m_data; }
    void relieve();
    void watchQueue();

    int m_id;
    const Settings &m_settings;
    std::unique_ptr<QWebSocket> m_socket;
    QPointer<WireSocket> m_wire;
    const QPointer<MarketData> &m_data;
    int m_messagesPerSecond;
    std::unique_ptr<Session> m_session;
    bool m_congested = false;

    struct Ping
    {
        QByteArray payload;
        qint64 sentMs;
    };
    QElapsedTimer m_age;
    std::deque<Ping> m_pings;          // not answered yet
    std::deque<qint64> m_messageTimes; // of the last second
    QTimer m_pingTimer{this};
    QTimer m_pongTimer{this};
    QTimer m_ageTimer{this};
    QTimer m_silence{this};
    QTimer m_noPongs{this};
};

} // namespace tidemill::exchange
