// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange_server.h"
#include "protocol.h"
#include "tape_player.h"

namespace tidemill::exchange {

// An exchange on 127.0.0.1: WebSocket streams and REST as the protocol of the settings has them, over a tape,
// a generator or what a test publishes by hand. One thread, the one it was made on, whose event loop must
// run.
class FakeExchange final : public QObject
{
    Q_OBJECT

public:
    explicit FakeExchange(const Settings &settings = {});

    // Listens on both ports. The addresses are known from then on.
    bool start(QString *error);
    QUrl wsUrl() const { return m_server.url(); }
    QUrl restUrl() const;

    // The source of the data; the last one set counts.
    bool playTape(const QString &fileName, const TapeOptions &options, QString *error);
    void generate(const GeneratorOptions &options);
    void setData(std::unique_ptr<MarketData> data);
    MarketData *data() const { return m_data.get(); }

    // Sends `payload` to whoever has subscribed to `stream`.
    void publish(const QByteArray &stream, const QByteArray &payload)
    {
        m_server.publish({stream, payload, {}, {}});
    }

    // Sends `text` to everybody, whatever it is: an error frame, an unknown type, no JSON at all.
    void say(const QByteArray &text) { m_server.say(text); }

    void inject(const Fault &fault);
    bool inject(const QString &spec, QString *error);
    void plan(const PlannedFault &planned);

    ExchangeServer &server() { return m_server; }
    QJsonObject stats() const;

Q_SIGNALS:
    void dataBegan();
    void dataEnded();

private:
    HttpResponse answer(const HttpRequest &request);
    HttpResponse answerFault(const HttpRequest &request);
    HttpResponse answerSay(const HttpRequest &request);
    HttpResponse answerTruth(const HttpRequest &request);

    // The order matters: clients go first, then what they were told, then the rules.
    Settings m_settings;
    std::unique_ptr<MarketData> m_data;
    std::unique_ptr<Protocol> m_protocol;
    std::unique_ptr<RestApi> m_rest;
    HttpServer m_http;
    ExchangeServer m_server;
    QList<PlannedFault> m_afterData;
};

} // namespace tidemill::exchange
