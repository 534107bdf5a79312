// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/session.h"

#include <QElapsedTimer>
#include <QJsonObject>
#include <QMap>
#include <QTimer>

namespace tidemill::exchange::kraken {

// A client of WebSocket v2: an acknowledgement for each symbol, a heartbeat when there is nothing else to
// say.
class FeedSession final : public Session
{
public:
    explicit FeedSession(SessionHost &host);

    void opened() override;
    void receive(const QByteArray &message) override;
    QByteArrayList streams() const override { return m_streams.values(); }
    QByteArray render(const StreamFrame &frame, const QByteArray &) override { return frame.payload; }
    void sent() override;
    void handleFlood() override;

private:
    struct Wish
    {
        QByteArray stream; // what follows the @
        QByteArray result; // the members that an acknowledgement repeats, each with a comma before it
        bool snapshot = false;
        QByteArray error;
    };

    static Wish wishOf(const QJsonObject &params);
    void change(const QJsonObject &request, const QByteArray &method);
    QByteArray changeOne(const QByteArray &method, const QByteArray &symbol, const QByteArray &channel,
                         const Wish &wish);
    void pong(const QJsonObject &request, const QByteArray &received);

    QMap<QByteArray, QByteArray> m_streams; // by channel and symbol
    QTimer m_heartbeat{this};
};

} // namespace tidemill::exchange::kraken
