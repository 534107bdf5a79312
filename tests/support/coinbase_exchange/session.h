// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/session.h"
#include "exchange/settings.h"

#include <QJsonObject>
#include <QMap>
#include <QTimer>

namespace tidemill::exchange::coinbase_exchange {

// A client of the feed: subscriptions by channel and product, and the five seconds it has for the first one.
class FeedSession final : public Session
{
public:
    FeedSession(SessionHost &host, const Settings &settings);

    void receive(const QByteArray &message) override;
    QByteArrayList streams() const override;
    QByteArray render(const StreamFrame &frame, const QByteArray &) override { return frame.payload; }
    void handleFlood() override;

private:
    using Channels = QMap<QByteArray, QByteArrayList>; // products by the channel's canonical name

    void subscribe(const QJsonObject &request);
    void unsubscribe(const QJsonObject &request);
    void fail(const QByteArray &reason, const QByteArray &message = "Failed to subscribe");
    bool mayHave(const QByteArray &channel, const QJsonObject &request) const;
    QByteArrayList knownOf(const QByteArrayList &products);
    QByteArrayList greetings(const Channels &added) const;
    QByteArray statusFrame() const;
    QByteArray acknowledgement() const;

    const Settings &m_settings;
    Channels m_channels;
    QTimer m_deadline{this};
    QTimer m_status{this};
};

} // namespace tidemill::exchange::coinbase_exchange
