// SPDX-License-Identifier: Apache-2.0
#include "control_session.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace tidemill::binance {

namespace {

constexpr qsizetype streamsPerMessage = 100; // the exchange counts messages, proxies count bytes
constexpr qint64 tooManySubscriptions = 4;

} // namespace

void ControlSession::subscribe(const QList<net::FeedStream> &streams)
{
    request("SUBSCRIBE", streams);
}

void ControlSession::request(const char *method, const QList<net::FeedStream> &streams)
{
    for (qsizetype from = 0; from < streams.size(); from += streamsPerMessage)
        send(method, streams.mid(from, streamsPerMessage));
}

void ControlSession::send(const char *method, const QList<net::FeedStream> &streams)
{
    QJsonArray params;
    for (const net::FeedStream &stream : streams)
        params.append(QString::fromUtf8(stream.name));
    const qint64 id = ++m_lastRequest;
    m_unanswered[id] = {qstrcmp(method, "SUBSCRIBE") == 0, streams};
    m_link.send(QJsonDocument(QJsonObject{{"method", method}, {"params", params}, {"id", id}})
                    .toJson(QJsonDocument::Compact));
}

void ControlSession::handle(const Decoded &notice, Timestamp received)
{
    switch (notice.kind) {
    case Decoded::Kind::Control:
        handleReply(notice.reply);
        break;
    case Decoded::Kind::Shutdown:
        m_link.rotate(QStringLiteral("the exchange announced that it will shut this server down"));
        break;
    case Decoded::Kind::Data:
    case Decoded::Kind::Unknown:
        break;
    }
    m_link.heardPeer(received);
}

void ControlSession::handleReply(const ControlReply &reply)
{
    // Some refusals do not say what they refuse. Answers come in the order of the requests.
    const auto asked = reply.id ? m_unanswered.find(*reply.id) : m_unanswered.begin();
    if (asked == m_unanswered.end() || (!reply.id && !reply.errorCode))
        return;
    const Request answered = std::move(asked->second);
    m_unanswered.erase(asked);
    if (!answered.isSubscription)
        return;
    if (reply.errorCode)
        return handleRefusal(answered, reply);
    QList<int> confirmed;
    for (const net::FeedStream &stream : answered.streams)
        confirmed.append(stream.id);
    m_link.confirm(confirmed);
}

// One bad stream refuses all of its message: halves are asked for until it stands alone.
void ControlSession::handleRefusal(const Request &refused, const ControlReply &reply)
{
    const qsizetype half = refused.streams.size() / 2;
    if (half > 0 && *reply.errorCode != tooManySubscriptions) {
        send("SUBSCRIBE", refused.streams.first(half));
        send("SUBSCRIBE", refused.streams.sliced(half));
        return;
    }
    const Error error{
        Error::Kind::Config,
        QStringLiteral("%1 (code %2)").arg(QString::fromUtf8(reply.message)).arg(*reply.errorCode)};
    for (const net::FeedStream &stream : refused.streams)
        m_link.refuse(stream.id, error);
}

} // namespace tidemill::binance
