// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/websocket_client.h>

#include <QObject>

// A client and what has been heard of it: the frames themselves are gone when a test looks.
struct ClientProbe
{
    ClientProbe()
    {
        using tidemill::net::WebSocketClient;
        QObject::connect(&client, &WebSocketClient::opened, &client, [this] { ++opened; });
        QObject::connect(&client, &WebSocketClient::framesReceived, &client,
                         [this](const tidemill::net::Frames &frames) {
                             ++reads;
                             received = frames.received();
                             for (const tidemill::net::Frame &frame : frames) {
                                 messages.append(frame.payload.toByteArray());
                                 allText = allText && frame.text;
                             }
                         });
        QObject::connect(&client, &WebSocketClient::closed, &client,
                         [this](const tidemill::net::CloseInfo &info) {
                             ++closed;
                             last = info;
                         });
    }

    tidemill::net::WebSocketClient client;
    int opened = 0;
    int reads = 0;
    int closed = 0;
    bool allText = true;
    QList<QByteArray> messages;
    tidemill::Timestamp received;
    tidemill::net::CloseInfo last;
};
