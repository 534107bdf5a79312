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
    int messagesPerSecond = 0;                        // of a client; 0: as the protocol has it
    int maxStreams = 1024;
    int connectsPerWindow = 300;
    std::chrono::milliseconds connectWindow{300'000};
    int weightPerMinute = 6000;
    std::chrono::seconds banTime{120};
    std::chrono::milliseconds subscribeDeadline{5'000}; // Coinbase: until the first subscription
    std::chrono::milliseconds idleClose{75'000};        // Coinbase Advanced: without an update and heartbeats
    int requestsPerSecond = 10;                         // REST of Coinbase and Kraken, by a token bucket
    int requestBurst = 15;
    int coinsPerMinute = 100; // CoinGecko's list
    // Playback waits while more than this is still to be written to some client.
    qint64 maxQueuedBytes = 1024 * 1024;
};

enum class ProtocolName { Binance, CoinbaseExchange, CoinbaseAdvanced, Kraken };

struct Settings
{
    ProtocolName protocol = ProtocolName::Binance;
    Limits limits;
    quint16 wsPort = 0; // 0: a free one
    quint16 restPort = 0;
    QString tlsCertificate; // PEM files; both set: the WebSocket side speaks TLS
    QString tlsKey;
    bool wrappedErrors = false; // {"error":{..},"id":..} instead of the flat {"code":..,"msg":..}
    bool dataHost = false;      // REST like data-api.binance.vision: no historicalTrades
    std::chrono::milliseconds restDelay{0};
    // Binance
    bool sbe = false;      // every connection is binary, not only those under /sbe
    QByteArray apiKey;     // the one that SBE connections must bring; empty: any
    int symbolsCount = 0;  // exchangeInfo lists at least so many symbols, trading or not
    QByteArray coinsKey;   // CoinGecko's; empty: none is needed
    bool coinsPro = false; // it is a key of the paid plan
    // Coinbase
    bool dataBeforeAck = false; // Exchange: what a subscription begins with comes before its acknowledgement
    bool clientId = false;      // Advanced: with the member client_id
    bool heartbeatText = false; // Advanced: heartbeat_counter as a string
    QByteArray jwtKey;     // Advanced: PEM or base64 Ed25519, private or public; a token is required then
    QByteArray jwtKeyName; // the kid and sub of the tokens; empty: any, the same in both
    QHash<QByteArray, QByteArray>
        aliases; // asked for -> delivered as, e.g. btcusdt@depth -> btcusdt@depth@100ms
};

} // namespace tidemill::exchange
