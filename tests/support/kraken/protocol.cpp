// SPDX-License-Identifier: Apache-2.0
#include "kraken/protocol.h"

#include "exchange/simulated_data.h"
#include "kraken/printer.h"
#include "kraken/rest.h"
#include "kraken/session.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace tidemill::exchange::kraken {

namespace {

constexpr qint64 bookUs = 20'000;
constexpr int defaultPastMinutes = 600;

} // namespace

std::optional<FrontDoor::Refusal> KrakenProtocol::refusal(const UpgradeRequest &request) const
{
    const QByteArray path = request.path();
    return path == "/v2" ? std::nullopt : std::optional(FrontDoor::Refusal{404, -1, {}});
}

std::unique_ptr<Session> KrakenProtocol::openSession(const UpgradeRequest &, SessionHost &host)
{
    return std::make_unique<FeedSession>(host);
}

std::unique_ptr<RestApi> KrakenProtocol::makeRestApi()
{
    return std::make_unique<Rest>(settings());
}

std::unique_ptr<MarketData> KrakenProtocol::simulate(const GeneratorOptions &options)
{
    GeneratorOptions own = options;
    own.depthIntervalUs = options.depthIntervalUs.value_or(bookUs);
    own.pastMinutes = options.pastMinutes > 0 ? options.pastMinutes : defaultPastMinutes;
    return std::make_unique<SimulatedData>(
        own, [](const GeneratorOptions &o) { return std::make_unique<Printer>(o); });
}

// How deep a recorded book is, only its acknowledgement says.
Tape::Namer KrakenProtocol::tapeNamer() const
{
    return [depth = 10](const QByteArray &payload) mutable -> QByteArray {
        const QJsonObject frame = QJsonDocument::fromJson(payload).object();
        if (frame[u"result"][u"channel"].toString() == u"book")
            depth = frame[u"result"][u"depth"].toInt(depth);
        const QByteArray channel = frame[u"channel"].toString().toLatin1();
        const QJsonObject item = frame[u"data"].toArray().first().toObject();
        const QByteArray symbol = item[u"symbol"].toString().toUtf8();
        if (symbol.isEmpty())
            return {};
        if (channel == "book")
            return symbol + "@book-" + QByteArray::number(depth);
        if (channel == "ohlc")
            return symbol + "@ohlc-" + QByteArray::number(item[u"interval"].toInt());
        return channel == "trade" || channel == "ticker" ? symbol + '@' + channel : QByteArray();
    };
}

QByteArray KrakenProtocol::corrupted(const QByteArray &payload) const
{
    static const QByteArray name = "\"checksum\":";
    const qsizetype at = payload.indexOf(name);
    if (at < 0)
        return payload;
    const qsizetype begin = at + name.size();
    qsizetype end = begin;
    while (end < payload.size() && payload[end] >= '0' && payload[end] <= '9')
        ++end;
    const quint32 wrong = payload.mid(begin, end - begin).toUInt() ^ 1;
    return payload.left(begin) + QByteArray::number(wrong) + payload.mid(end);
}

} // namespace tidemill::exchange::kraken
