// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.h"
#include "faults.h"
#include "front_door.h"

#include <QJsonObject>
#include <QUrl>
#include <QWebSocketServer>

#include <deque>
#include <memory>
#include <vector>

namespace tidemill::exchange {

// The WebSocket side: lets clients in, hands each frame to whom it concerns, keeps the accounts.
class ExchangeServer final : public QObject
{
    Q_OBJECT

public:
    using Milliseconds = std::chrono::milliseconds;

    ExchangeServer(const Settings &settings, Protocol &protocol);
    ~ExchangeServer() override;

    bool start(QString *error);
    QUrl url() const;

    int connectionCount() const { return int(m_connections.size()); }
    int connectionsEver() const { return m_lastId; }
    qint64 queuedBytes() const; // still to be written to the clients
    const QStringList &violations() const { return m_violations; }
    QJsonObject stats() const;

    // For the sessions; the server does not own it.
    void setData(MarketData *data) { m_data = data; }
    // Emits what a source of data has to know, for one that has just been connected.
    void announceAudience();

    // What can be done to the clients that are connected now ...
    void closeAll(int code, const QString &reason);
    void resetAll();
    void silenceAll(Milliseconds duration);
    void silenceSymbol(const QByteArray &symbol, Milliseconds duration);
    void say(const QByteArray &text); // to everybody, as it is
    void withholdPongs(Milliseconds duration);
    void announceShutdown(Milliseconds delay);
    // ... to those that will try to connect ...
    void refuseConnections(Milliseconds duration); // nobody listens on the port, and everybody is cut off
    void refuseWithStatus(int status, int retryAfter, Milliseconds duration);
    // ... and to the data.
    void mangle(const Fault &fault) { m_mangler.add(fault); }

public Q_SLOTS:
    void publish(const tidemill::exchange::StreamFrame &frame);

Q_SIGNALS:
    // For the source of the data: clients with subscriptions that are not silenced, whether one of them is
    // slow to read, and which streams (after aliases) anybody wants.
    void audienceChanged(int clients);
    void congestionChanged(bool congested);
    void demandChanged(const QSet<QByteArray> &streams);
    void microsecondsWanted(bool wanted);

    void clientConnected(int id);
    void clientDisconnected(int id);
    void violated(const QString &what);

private:
    struct Subscriber
    {
        Connection *connection;
        QByteArray name;
    };
    struct Route
    {
        qint64 published = 0;
        qint64 sent = 0;
        qint64 withheld = 0;
        std::vector<Subscriber> subscribers;
    };

    std::optional<FrontDoor::Refusal> considerClient(const UpgradeRequest &request);
    bool tooManyConnects();
    void admit(WireSocket *wire, const UpgradeRequest &request);
    bool isSilenced(const QByteArray &stream);
    void openConnection();
    void removeConnection(Connection *connection);
    void updateRoutes();
    void updateAudience();
    void updateCongestion();
    void listenAgain();
    void recordViolation(const QString &what);
    Route &route(const QByteArray &stream);

    const Settings &m_settings;
    Protocol &m_protocol;
    QPointer<MarketData> m_data;
    FrontDoor m_door;
    QWebSocketServer m_upgrader{QStringLiteral("tidemill-exchange"), QWebSocketServer::NonSecureMode, this};
    struct Waiting
    {
        QPointer<WireSocket> wire;
        UpgradeRequest request;
    };
    QHash<quint16, Waiting> m_upgrading; // by the client's port
    std::vector<std::unique_ptr<Connection>> m_connections;
    QHash<QByteArray, Route> m_routes;
    FrameMangler m_mangler;
    QHash<QByteArray, qint64> m_silentUntilMs; // by symbol
    std::deque<qint64> m_connectTimes;
    QElapsedTimer m_clock;
    QTimer m_relisten{this};
    quint16 m_port = 0;
    struct
    {
        FrontDoor::Refusal refusal;
        qint64 untilMs = -1;
    } m_statusFault;
    int m_lastId = 0;
    qint64 m_refused = 0;
    qint64 m_messages = 0;
    QStringList m_violations;
    int m_audience = 0;
    bool m_congested = false;
};

} // namespace tidemill::exchange
