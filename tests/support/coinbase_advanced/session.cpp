// SPDX-License-Identifier: Apache-2.0
#include "coinbase_advanced/session.h"

#include "coinbase_advanced/envelope.h"
#include "exchange/wire_text.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QRandomGenerator>

#include <algorithm>

namespace tidemill::exchange::coinbase_advanced {

namespace {

const QByteArray heartbeats = "heartbeats";
const QByteArrayList publicChannels{"ticker", "ticker_batch", "market_trades", "candles",
                                    "level2", "status",       heartbeats};

// Products against USDC are served under the name of the one against USD.
QByteArray servedAs(const QByteArray &product)
{
    const bool itself = product == "USDT-USDC" || product == "EURC-USDC";
    return product.endsWith("-USDC") && !itself ? product.chopped(1) : product;
}

QByteArray statusFrame(const QByteArrayList &products)
{
    QByteArrayList list;
    for (const QByteArray &id : products) {
        const QByteArray base = id.left(id.indexOf('-'));
        const QByteArray quote = id.mid(id.indexOf('-') + 1);
        list.append("{\"product_type\":\"SPOT\",\"id\":\"" + id + "\",\"base_currency\":\"" + base +
                    "\",\"quote_currency\":\"" + quote +
                    "\",\"base_increment\":\"0.00000001\",\"quote_increment\":\"0.01\",\"display_name\":\"" +
                    base + '/' + quote +
                    "\",\"status\":\"online\",\"status_message\":\"\",\"min_market_funds\":\"1\"}");
    }
    return envelope("status", QDateTime::currentMSecsSinceEpoch() * 1000,
                    "{\"type\":\"snapshot\",\"products\":[" + list.join(',') + "]}");
}

} // namespace

TradeSession::TradeSession(SessionHost &host, const Settings &settings, JwtVerifier &verifier)
    : Session(host)
    , m_settings(settings)
    , m_verifier(verifier)
{
    m_deadline.setSingleShot(true);
    m_deadline.callOnTimeout(this, [this] {
        this->host().violate(QStringLiteral("nothing was subscribed within %1 ms")
                                 .arg(m_settings.limits.subscribeDeadline.count()));
        this->host().close(1000, QString());
    });
    m_deadline.start(settings.limits.subscribeDeadline);
    m_idle.setSingleShot(true);
    m_idle.callOnTimeout(this, [this] { this->host().close(1000, QStringLiteral("no updates")); });
}

QByteArrayList TradeSession::streams() const
{
    QByteArrayList streams;
    for (auto channel = m_channels.begin(); channel != m_channels.end(); ++channel) {
        if (channel.key() == heartbeats)
            streams.append('@' + heartbeats);
        for (const QByteArray &product : *channel) {
            const QByteArray stream = servedAs(product) + '@' + channel.key();
            if (channel.key() != heartbeats && !streams.contains(stream))
                streams.append(stream);
        }
    }
    return streams;
}

QByteArray TradeSession::render(const StreamFrame &frame, const QByteArray &)
{
    watchIdleness();
    return numbered(frame.payload, m_sequence++, m_settings.clientId);
}

void TradeSession::send(const QByteArray &frame)
{
    host().sendText(numbered(frame, m_sequence++, m_settings.clientId));
    watchIdleness();
}

// A connection on which nothing happens is closed, unless its client wants heartbeats.
void TradeSession::watchIdleness()
{
    if (m_channels.contains(heartbeats) || m_channels.isEmpty())
        m_idle.stop();
    else
        m_idle.start(m_settings.limits.idleClose);
}

QString TradeSession::problemOf(const QJsonObject &request, const QByteArray &channel)
{
    const QString type = request[u"type"].toString();
    if (type != u"subscribe" && type != u"unsubscribe")
        return QStringLiteral("type is '%1'").arg(type);
    if (request.contains(u"channels") || !publicChannels.contains(channel))
        return QStringLiteral("there is to be one channel in 'channel', and a public one; it is '%1'")
            .arg(QString::fromUtf8(channel));
    if (m_verifier.isNeeded()) {
        const QString wrong =
            m_verifier.problem(request[u"jwt"].toString().toLatin1(), QDateTime::currentSecsSinceEpoch());
        if (!wrong.isEmpty())
            return QStringLiteral("the token: %1").arg(wrong);
    }
    const QJsonArray products = request[u"product_ids"].toArray();
    const bool needsProducts = channel != heartbeats && channel != "status" && type == u"subscribe";
    if (needsProducts && products.isEmpty())
        return QStringLiteral("no products");
    const QByteArrayList known = host().data() ? host().data()->symbols() : QByteArrayList();
    for (const QJsonValue &product : products) {
        if (host().data() && channel != heartbeats && !known.contains(servedAs(product.toString().toUtf8())))
            return QStringLiteral("there is no product '%1'").arg(product.toString());
    }
    return {};
}

void TradeSession::receive(const QByteArray &message)
{
    const QJsonObject request = QJsonDocument::fromJson(message).object();
    const QByteArray channel = request[u"channel"].toString().toUtf8();
    if (const QString problem = problemOf(request, channel); !problem.isEmpty()) {
        // The real one does not say more either.
        host().violate(QStringLiteral("authentication failure: %1").arg(problem));
        host().sendText("{\"type\":\"error\",\"message\":\"authentication failure\"}");
        return;
    }
    QByteArrayList products;
    for (const QJsonValue &product : request[u"product_ids"].toArray())
        products.append(product.toString().toUtf8());
    if (request[u"type"].toString() == u"subscribe")
        subscribe(channel, products);
    else
        unsubscribe(channel, products);
}

// A product that is subscribed to again gets a new snapshot.
void TradeSession::subscribe(const QByteArray &channel, const QByteArrayList &products)
{
    QByteArrayList &subscribed = m_channels[channel];
    if (channel == heartbeats)
        subscribed = {heartbeats};
    else if (channel != "status")
        for (const QByteArray &product : products) {
            if (!subscribed.contains(product))
                subscribed.append(product);
        }
    m_deadline.stop();
    host().subscriptionsChanged();
    if (channel == "status")
        send(statusFrame(host().data() ? host().data()->symbols() : QByteArrayList()));
    for (const QByteArray &product : products) {
        if (!host().data() || channel == heartbeats)
            continue;
        for (const QByteArray &frame : host().data()->greeting(servedAs(product) + '@' + channel))
            send(frame);
    }
    acknowledge();
}

void TradeSession::unsubscribe(const QByteArray &channel, const QByteArrayList &products)
{
    for (const QByteArray &product : products)
        m_channels[channel].removeAll(product);
    if (products.isEmpty() || channel == heartbeats || m_channels[channel].isEmpty())
        m_channels.remove(channel);
    host().subscriptionsChanged();
    acknowledge();
}

void TradeSession::acknowledge()
{
    QByteArrayList channels;
    for (auto channel = m_channels.begin(); channel != m_channels.end(); ++channel) {
        QByteArrayList products = *channel;
        std::shuffle(products.begin(), products.end(), *QRandomGenerator::global());
        channels.append('"' + channel.key() + "\":" + jsonList(products));
    }
    send(envelope("subscriptions", QDateTime::currentMSecsSinceEpoch() * 1000,
                  "{\"subscriptions\":{" + channels.join(',') + "}}"));
}

} // namespace tidemill::exchange::coinbase_advanced
