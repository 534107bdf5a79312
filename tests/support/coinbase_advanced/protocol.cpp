// SPDX-License-Identifier: Apache-2.0
#include "coinbase_advanced/protocol.h"

#include "coinbase_advanced/printer.h"
#include "coinbase_advanced/rest.h"
#include "coinbase_advanced/session.h"
#include "exchange/simulated_data.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace tidemill::exchange::coinbase_advanced {

namespace {

constexpr qint64 bookUs = 50'000;
constexpr int defaultPastMinutes = 2000; // enough for a hundred candles of five minutes, with holes

QByteArray productOf(const QJsonObject &event)
{
    for (const QString &list :
         {QStringLiteral("trades"), QStringLiteral("tickers"), QStringLiteral("candles")}) {
        if (const QJsonArray items = event[list].toArray(); !items.isEmpty())
            return items.first()[u"product_id"].toString().toUtf8();
    }
    return event[u"product_id"].toString().toUtf8();
}

QByteArray streamOf(const QByteArray &payload)
{
    const QJsonObject frame = QJsonDocument::fromJson(payload).object();
    const QByteArray channel = frame[u"channel"].toString().toLatin1();
    if (channel == "heartbeats")
        return "@heartbeats";
    const QByteArray product = productOf(frame[u"events"].toArray().first().toObject());
    if (product.isEmpty() || channel == "subscriptions")
        return {};
    return product + '@' + (channel == "l2_data" ? "level2" : channel);
}

} // namespace

CoinbaseAdvancedProtocol::CoinbaseAdvancedProtocol(const Settings &settings)
    : Protocol(settings)
    , m_verifier(settings.jwtKey, settings.jwtKeyName)
{}

std::optional<FrontDoor::Refusal> CoinbaseAdvancedProtocol::refusal(const UpgradeRequest &request) const
{
    const QByteArray path = request.path();
    return path == "/" ? std::nullopt : std::optional(FrontDoor::Refusal{404, -1, {}});
}

std::unique_ptr<Session> CoinbaseAdvancedProtocol::openSession(const UpgradeRequest &, SessionHost &host)
{
    return std::make_unique<TradeSession>(host, settings(), m_verifier);
}

std::unique_ptr<RestApi> CoinbaseAdvancedProtocol::makeRestApi()
{
    return std::make_unique<Rest>(settings());
}

std::unique_ptr<MarketData> CoinbaseAdvancedProtocol::simulate(const GeneratorOptions &options)
{
    GeneratorOptions own = options;
    own.depthIntervalUs = options.depthIntervalUs.value_or(bookUs);
    own.pastMinutes = options.pastMinutes > 0 ? options.pastMinutes : defaultPastMinutes;
    const bool text = settings().heartbeatText;
    return std::make_unique<SimulatedData>(
        own, [text](const GeneratorOptions &o) { return std::make_unique<Printer>(o, text); });
}

Tape::Namer CoinbaseAdvancedProtocol::tapeNamer() const
{
    return streamOf;
}

} // namespace tidemill::exchange::coinbase_advanced
