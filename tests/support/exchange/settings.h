// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QHash>
#include <QString>

#include <chrono>

namespace tidemill::exchange {

// What the exchange enforces, with the numbers that Binance documents.
struct Limits
{
    std::chrono::milliseconds pingInterval{20'000};
    std::chrono::milliseconds pongDeadline{60'000};
    std::chrono::milliseconds maxAge{24 * 3'600'000}; // of a connection
    int messagesPerSecond = 5;                        // text, ping and pong frames of a client together
    int maxStreams = 1024;
    int connectsPerWindow = 300;
    std::chrono::milliseconds connectWindow{300'000};
    int weightPerMinute = 6000;
    std::chrono::seconds banTime{120};
    // Playback waits while more than this is still to be written to some client.
    qint64 maxQueuedBytes = 1024 * 1024;
};

struct Settings
{
    Limits limits;
    quint16 wsPort = 0; // 0: a free one
    quint16 restPort = 0;
    QString tlsCertificate; // PEM files; both set: the WebSocket side speaks TLS
    QString tlsKey;
    bool wrappedErrors = false; // {"error":{..},"id":..} instead of the flat {"code":..,"msg":..}
    bool dataHost = false;      // REST like data-api.binance.vision: no historicalTrades
    std::chrono::milliseconds restDelay{0};
    QHash<QByteArray, QByteArray>
        aliases; // asked for -> delivered as, e.g. btcusdt@depth -> btcusdt@depth@100ms
};

} // namespace tidemill::exchange
