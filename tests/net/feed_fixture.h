// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/feed_connection.h>

#include <QObject>
#include <QSignalSpy>
#include <QTest>
#include <QWebSocket>
#include <QWebSocketServer>

#include <memory>

// A feed and the exchange it talks to: Qt's server, here.
class FeedFixture : public QObject
{
protected:
    using State = tidemill::net::FeedConnection::State;

    void create()
    {
        using namespace std::chrono_literals;
        m_server = std::make_unique<QWebSocketServer>("exchange", QWebSocketServer::NonSecureMode);
        QVERIFY(m_server->listen(QHostAddress::LocalHost));
        m_settings = {};
        m_settings.url = m_server->serverUrl();
        m_settings.backoff = {10ms, 50ms, 2};
        m_settings.controlLimit = {100, 1s};
        m_feed = std::make_unique<tidemill::net::FeedConnection>();
        m_states.clear();
        connect(m_feed.get(), &tidemill::net::FeedConnection::stateChanged, this,
                [this](State state) { m_states.append(state); });
    }

    void destroy()
    {
        m_feed.reset();
        m_peer.reset();
        m_server.reset();
    }

    void acceptPeer()
    {
        if (!m_server->hasPendingConnections())
            QVERIFY(QSignalSpy(m_server.get(), &QWebSocketServer::newConnection).wait());
        m_peer.reset(m_server->nextPendingConnection());
        QVERIFY(m_peer);
    }

    void goLive()
    {
        QVERIFY(m_feed->open(m_settings));
        acceptPeer();
        QTRY_COMPARE(m_feed->state(), State::Subscribing);
        m_feed->confirmSubscribed();
        QCOMPARE(m_feed->state(), State::Live);
    }

    void sendData()
    {
        QSignalSpy frames(m_feed.get(), &tidemill::net::FeedConnection::framesReceived);
        m_peer->sendTextMessage(QStringLiteral("data"));
        QTRY_COMPARE(frames.size(), 1);
    }

    std::unique_ptr<QWebSocketServer> m_server;
    std::unique_ptr<QWebSocket> m_peer;
    std::unique_ptr<tidemill::net::FeedConnection> m_feed;
    tidemill::net::FeedSettings m_settings;
    QList<State> m_states;
};
