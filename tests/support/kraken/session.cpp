// SPDX-License-Identifier: Apache-2.0
#include "kraken/session.h"

#include "exchange/wire_text.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace tidemill::exchange::kraken {

namespace {

using namespace std::chrono_literals;

constexpr auto heartbeatInterval = 1s;
const QList<int> depths{10, 25, 100, 500, 1000};
const QList<int> intervals{1, 5, 15, 30, 60, 240, 1440, 10080, 21600};

// The end of every answer.
QByteArray tail(const QJsonObject &request, const QByteArray &received)
{
    const QJsonValue id = request[u"req_id"];
    return ",\"time_in\":\"" + received + "\",\"time_out\":\"" + isoNow() + '"' +
           (id.isDouble() ? ",\"req_id\":" + QByteArray::number(id.toInteger()) : QByteArray()) + '}';
}

} // namespace

FeedSession::FeedSession(SessionHost &host) : Session(host)
{
    m_heartbeat.setSingleShot(true);
    m_heartbeat.callOnTimeout(this, [this] {
        if (this->host().isSilent())
            m_heartbeat.start(heartbeatInterval);
        else
            this->host().sendText("{\"channel\":\"heartbeat\"}");
    });
}

void FeedSession::opened()
{
    host().sendText(
        "{\"channel\":\"status\",\"type\":\"update\",\"data\":[{\"version\":\"2.0.10\",\"system\":"
        "\"online\",\"api_version\":\"v2\",\"connection_id\":4421894013101914413}]}");
}

void FeedSession::sent()
{
    if (m_streams.isEmpty())
        m_heartbeat.stop();
    else
        m_heartbeat.start(heartbeatInterval);
}

void FeedSession::handleFlood()
{
    host().sendText("{\"Error\":\"Exceeded msg rate\"}");
}

void FeedSession::receive(const QByteArray &message)
{
    const QByteArray received = isoNow();
    const QJsonObject request = QJsonDocument::fromJson(message).object();
    const QByteArray method = request[u"method"].toString().toUtf8();
    if (method == "subscribe" || method == "unsubscribe")
        return change(request, method);
    if (method == "ping")
        return pong(request, received);
    host().violate(QStringLiteral("method is '%1'").arg(QString::fromUtf8(method)));
    host().sendText("{\"error\":\"Unsupported method or malformed request\",\"success\":false" +
                    tail(request, received));
}

void FeedSession::pong(const QJsonObject &request, const QByteArray &received)
{
    host().sendText("{\"method\":\"pong\"" + tail(request, received));
}

FeedSession::Wish FeedSession::wishOf(const QJsonObject &params)
{
    const QString channel = params[u"channel"].toString();
    Wish wish{channel.toLatin1(), {}, params[u"snapshot"].toBool(channel != u"trade"), {}};
    const QByteArray snapshot = QByteArray(",\"snapshot\":") + (wish.snapshot ? "true" : "false");
    if (channel == u"book") {
        const int depth = params[u"depth"].toInt(10);
        wish.stream += '-' + QByteArray::number(depth);
        wish.result = ",\"depth\":" + QByteArray::number(depth) + snapshot;
        if (!depths.contains(depth))
            wish.error = "Subscription depth not supported";
    } else if (channel == u"ohlc") {
        const int interval = params[u"interval"].toInt(1);
        wish.stream += '-' + QByteArray::number(interval);
        wish.result = ",\"interval\":" + QByteArray::number(interval) + snapshot;
        if (!intervals.contains(interval))
            wish.error = "Subscription ohlc interval not supported";
    } else if (channel == u"ticker") {
        const QString trigger = params[u"event_trigger"].toString(QStringLiteral("trades"));
        wish.stream += trigger == u"bbo" ? "-bbo" : "";
        wish.result = ",\"event_trigger\":" + jsonString(trigger.toUtf8()) + snapshot;
    } else if (channel == u"trade") {
        wish.result = snapshot;
    } else {
        wish.error = "Channel not supported";
    }
    return wish;
}

void FeedSession::change(const QJsonObject &request, const QByteArray &method)
{
    const QByteArray received = isoNow();
    const QJsonObject params = request[u"params"].toObject();
    const QByteArray channel = params[u"channel"].toString().toUtf8();
    const Wish wish = wishOf(params);
    QByteArrayList begun;
    for (const QJsonValue &value : params[u"symbol"].toArray()) {
        const QByteArray symbol = value.toString().toUtf8();
        const QByteArray error = changeOne(method, symbol, channel, wish);
        if (error.isEmpty()) {
            begun.append(symbol + '@' + wish.stream);
            host().sendText("{\"method\":\"" + method + "\",\"result\":{\"channel\":\"" + channel +
                            "\",\"symbol\":" + jsonString(symbol) + wish.result + "},\"success\":true" +
                            tail(request, received));
        } else {
            host().violate(QString::fromUtf8(error));
            host().sendText("{\"error\":" + jsonString(error) + ",\"method\":\"" + method +
                            "\",\"success\":false,\"symbol\":" + jsonString(symbol) +
                            tail(request, received));
        }
    }
    host().subscriptionsChanged();
    for (const QByteArray &stream : std::as_const(begun)) {
        if (method != "subscribe" || !host().data())
            continue;
        // Asked for even when nobody wants it: the first update follows from it.
        for (const QByteArray &frame : host().data()->greeting(stream)) {
            if (wish.snapshot)
                host().sendText(frame);
        }
    }
}

// What is wrong; nothing when it has been done.
QByteArray FeedSession::changeOne(const QByteArray &method, const QByteArray &symbol,
                                  const QByteArray &channel, const Wish &wish)
{
    const QByteArray key = channel + ' ' + symbol;
    if (!wish.error.isEmpty())
        return wish.error;
    if (host().data() && !host().data()->symbols().contains(symbol)) // without data a test publishes by hand
        return "Currency pair not supported " + symbol;
    if (method == "unsubscribe")
        return m_streams.remove(key) > 0 ? QByteArray() : QByteArray("Subscription Not Found");
    if (m_streams.contains(key))
        return "Already subscribed";
    m_streams.insert(key, symbol + '@' + wish.stream);
    return {};
}

} // namespace tidemill::exchange::kraken
