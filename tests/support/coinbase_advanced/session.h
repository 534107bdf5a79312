// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "coinbase_advanced/jwt.h"
#include "exchange/session.h"
#include "exchange/settings.h"

#include <QJsonObject>
#include <QMap>
#include <QTimer>

namespace tidemill::exchange::coinbase_advanced {

// A client of Advanced Trade: one channel a message, one sequence over everything it gets.
class TradeSession final : public Session
{
public:
    TradeSession(SessionHost &host, const Settings &settings, JwtVerifier &verifier);

    void receive(const QByteArray &message) override;
    QByteArrayList streams() const override;
    QByteArray render(const StreamFrame &frame, const QByteArray &) override;
    void skipped(const StreamFrame &) override { ++m_sequence; }

private:
    void subscribe(const QByteArray &channel, const QByteArrayList &products);
    void unsubscribe(const QByteArray &channel, const QByteArrayList &products);
    QString problemOf(const QJsonObject &request, const QByteArray &channel);
    void send(const QByteArray &frame);
    void acknowledge();
    void watchIdleness();

    const Settings &m_settings;
    JwtVerifier &m_verifier;
    QMap<QByteArray, QByteArrayList> m_channels; // products as the client named them
    qint64 m_sequence = 0;                       // of the next frame
    QTimer m_deadline{this};
    QTimer m_idle{this};
};

} // namespace tidemill::exchange::coinbase_advanced
