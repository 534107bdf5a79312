// SPDX-License-Identifier: Apache-2.0
#include "coinbase_exchange/session.h"

#include "coinbase_exchange/products.h"
#include "exchange/wire_text.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QRandomGenerator>

#include <algorithm>

namespace tidemill::exchange::coinbase_exchange {

namespace {

constexpr auto statusInterval = std::chrono::seconds(5);

// What the server calls a channel, whichever of its names was used.
QByteArray canonical(const QString &name)
{
    static const QMap<QString, QByteArray> channels{
        {QStringLiteral("ticker"), "ticker"},
        {QStringLiteral("ticker_batch"), "ticker_1000"},
        {QStringLiteral("ticker_1000"), "ticker_1000"},
        {QStringLiteral("matches"), "matches"},
        {QStringLiteral("heartbeat"), "heartbeat"},
        {QStringLiteral("level2"), "level2"},
        {QStringLiteral("level2_batch"), "level2_50"},
        {QStringLiteral("level2_50"), "level2_50"},
        {QStringLiteral("level3"), "level3"},
        {QStringLiteral("full"), "full"},
        {QStringLiteral("user"), "user"},
        {QStringLiteral("status"), "status"},
    };
    return channels.value(name);
}

// What the data have for it.
QByteArray streamOf(const QByteArray &product, const QByteArray &channel)
{
    return product + '@' +
           (channel == "ticker_1000"       ? "ticker_batch"
            : channel.startsWith("level2") ? "level2"
                                           : channel);
}

QByteArrayList productsIn(const QJsonValue &list)
{
    QByteArrayList products;
    for (const QJsonValue &product : list.toArray())
        products.append(product.toString().toUtf8());
    return products;
}

struct Wish
{
    QString name;
    QByteArrayList products; // the request's own and the channel's
};

QList<Wish> wishesOf(const QJsonObject &request)
{
    QList<Wish> wishes;
    const QByteArrayList common = productsIn(request[u"product_ids"]);
    for (const QJsonValue &channel : request[u"channels"].toArray()) {
        Wish wish{channel.isString() ? channel.toString() : channel[u"name"].toString(), common};
        for (const QByteArray &product : productsIn(channel[u"product_ids"])) {
            if (!wish.products.contains(product))
                wish.products.append(product);
        }
        wishes.append(wish);
    }
    return wishes;
}

} // namespace

FeedSession::FeedSession(SessionHost &host, const Settings &settings) : Session(host), m_settings(settings)
{
    m_deadline.setSingleShot(true);
    m_deadline.callOnTimeout(this, [this] {
        this->host().violate(QStringLiteral("nothing was subscribed within %1 ms")
                                 .arg(m_settings.limits.subscribeDeadline.count()));
        this->host().close(1000, QString());
    });
    m_status.callOnTimeout(this, [this] {
        if (m_channels.contains("status") && !this->host().isSilent())
            this->host().sendText(statusFrame());
    });
    m_deadline.start(settings.limits.subscribeDeadline);
}

QByteArrayList FeedSession::streams() const
{
    QByteArrayList streams;
    for (auto channel = m_channels.begin(); channel != m_channels.end(); ++channel) {
        for (const QByteArray &product : *channel) {
            // level2 and its batch are one stream here; nobody gets a frame of it twice.
            if (const QByteArray stream = streamOf(product, channel.key()); !streams.contains(stream))
                streams.append(stream);
        }
    }
    return streams;
}

void FeedSession::receive(const QByteArray &message)
{
    const QJsonObject request = QJsonDocument::fromJson(message).object();
    const QString type = request[u"type"].toString();
    if (type == u"subscribe")
        subscribe(request);
    else if (type == u"unsubscribe")
        unsubscribe(request);
    else
        fail({}, request.isEmpty() ? "Malformed JSON" : "Type has to be either subscribe or unsubscribe");
}

void FeedSession::handleFlood()
{
    host().sendText("{\"type\":\"error\",\"message\":\"ErrSlowRead\"}");
    host().close(1008, QStringLiteral("ErrSlowRead"));
}

void FeedSession::fail(const QByteArray &reason, const QByteArray &message)
{
    host().violate(QString::fromUtf8(message + ": " + reason));
    host().sendText("{\"type\":\"error\",\"message\":" + jsonString(message) +
                    (reason.isEmpty() ? QByteArray() : ",\"reason\":" + jsonString(reason)) + '}');
}

// A signature is not checked: nothing here depends on whose it is.
bool FeedSession::mayHave(const QByteArray &channel, const QJsonObject &request) const
{
    const bool isPublic =
        channel != "level2" && channel != "level3" && channel != "full" && channel != "user";
    const bool recorded = host().data() && host().data()->isRecorded();
    const bool isSigned = request.contains(u"signature") && request.contains(u"key") &&
                          request.contains(u"passphrase") && request.contains(u"timestamp");
    return isPublic || recorded || isSigned;
}

QByteArrayList FeedSession::knownOf(const QByteArrayList &products)
{
    if (!host().data())
        return products; // whatever a test publishes by hand
    const QByteArrayList symbols = host().data()->symbols();
    QByteArrayList known;
    for (const QByteArray &product : products) {
        if (symbols.contains(product))
            known.append(product);
        else
            fail(product + " is not a valid product");
    }
    return known;
}

void FeedSession::subscribe(const QJsonObject &request)
{
    const QList<Wish> wishes = wishesOf(request);
    QByteArrayList named;
    for (const Wish &wish : wishes) {
        const QByteArray channel = canonical(wish.name);
        if (channel.isEmpty())
            return fail(wish.name.toUtf8() + " is not a valid channel");
        if (!mayHave(channel, request))
            return fail("level2, level3, and full channels now require authentication. "
                        "https://docs.cloud.coinbase.com/exchange/docs/websocket-auth");
        if (wish.products.isEmpty() && channel != "status")
            return fail("product_ids must be specified for channel " + channel);
        for (const QByteArray &product : wish.products) {
            if (!named.contains(product))
                named.append(product);
        }
    }
    if (wishes.isEmpty())
        return fail("channels must be specified");

    const QByteArrayList known = knownOf(named);
    Channels added;
    for (const Wish &wish : wishes) {
        const QByteArray channel = canonical(wish.name);
        if (channel == "status") {
            m_channels.insert(channel, {});
            added.insert(channel, {});
            m_status.start(statusInterval);
            continue;
        }
        for (const QByteArray &product : wish.products) {
            if (!known.contains(product) || m_channels[channel].contains(product))
                continue;
            m_channels[channel].append(product);
            added[channel].append(product);
        }
    }
    m_deadline.stop();
    host().subscriptionsChanged();
    const QByteArrayList first = greetings(added);
    if (!m_settings.dataBeforeAck)
        host().sendText(acknowledgement());
    for (const QByteArray &frame : first)
        host().sendText(frame);
    if (m_settings.dataBeforeAck)
        host().sendText(acknowledgement());
}

void FeedSession::unsubscribe(const QJsonObject &request)
{
    for (const Wish &wish : wishesOf(request)) {
        const QByteArray channel = canonical(wish.name);
        if (wish.products.isEmpty())
            m_channels.remove(channel);
        for (const QByteArray &product : wish.products) {
            m_channels[channel].removeAll(product);
            if (m_channels[channel].isEmpty())
                m_channels.remove(channel);
        }
    }
    host().subscriptionsChanged();
    host().sendText(acknowledgement());
}

QByteArrayList FeedSession::greetings(const Channels &added) const
{
    QByteArrayList frames;
    for (auto channel = added.begin(); channel != added.end(); ++channel) {
        if (channel.key() == "status")
            frames.append(statusFrame());
        for (const QByteArray &product : *channel) {
            if (host().data())
                frames += host().data()->greeting(streamOf(product, channel.key()));
        }
    }
    return frames;
}

QByteArray FeedSession::statusFrame() const
{
    QByteArrayList products;
    for (const QByteArray &id : host().data() ? host().data()->symbols() : QByteArrayList())
        products.append(productJson(id));
    return "{\"type\":\"status\",\"products\":[" + products.join(',') + "],\"currencies\":[]}";
}

// Everything the connection has, in an order that means nothing.
QByteArray FeedSession::acknowledgement() const
{
    QByteArrayList channels;
    for (auto channel = m_channels.begin(); channel != m_channels.end(); ++channel) {
        QByteArrayList products = *channel;
        std::shuffle(products.begin(), products.end(), *QRandomGenerator::global());
        channels.append("{\"name\":\"" + channel.key() + "\",\"product_ids\":" + jsonList(products) +
                        ",\"account_ids\":null}");
    }
    return "{\"type\":\"subscriptions\",\"channels\":[" + channels.join(',') + "]}";
}

} // namespace tidemill::exchange::coinbase_exchange
