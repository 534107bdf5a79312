// SPDX-License-Identifier: Apache-2.0
#include "coinbase_exchange/protocol.h"

#include "coinbase_exchange/printer.h"
#include "coinbase_exchange/rest.h"
#include "coinbase_exchange/session.h"
#include "exchange/simulated_data.h"

#include <QJsonDocument>
#include <QJsonObject>

namespace tidemill::exchange::coinbase_exchange {

namespace {

constexpr qint64 batchUs = 50'000;      // of level2_batch
constexpr int defaultPastMinutes = 600; // so that a request for 300 candles finds some

QByteArray streamOf(const QByteArray &payload)
{
    const QJsonObject frame = QJsonDocument::fromJson(payload).object();
    const QByteArray product = frame[u"product_id"].toString().toUtf8();
    const QString type = frame[u"type"].toString();
    if (product.isEmpty())
        return {};
    if (type == u"snapshot" || type == u"l2update")
        return product + "@level2";
    if (type == u"match" || type == u"last_match")
        return product + "@matches";
    return type == u"ticker" || type == u"heartbeat" ? product + '@' + type.toLatin1() : QByteArray();
}

} // namespace

std::optional<FrontDoor::Refusal> CoinbaseExchangeProtocol::refusal(const UpgradeRequest &request) const
{
    const QByteArray path = request.path();
    return path == "/" ? std::nullopt : std::optional(FrontDoor::Refusal{404, -1, {}});
}

std::unique_ptr<Session> CoinbaseExchangeProtocol::openSession(const UpgradeRequest &, SessionHost &host)
{
    return std::make_unique<FeedSession>(host, settings());
}

std::unique_ptr<RestApi> CoinbaseExchangeProtocol::makeRestApi()
{
    return std::make_unique<Rest>(settings());
}

std::unique_ptr<MarketData> CoinbaseExchangeProtocol::simulate(const GeneratorOptions &options)
{
    GeneratorOptions own = options;
    own.depthIntervalUs = options.depthIntervalUs.value_or(batchUs);
    own.pastMinutes = options.pastMinutes > 0 ? options.pastMinutes : defaultPastMinutes;
    return std::make_unique<SimulatedData>(
        own, [](const GeneratorOptions &o) { return std::make_unique<Printer>(o); });
}

Tape::Namer CoinbaseExchangeProtocol::tapeNamer() const
{
    return streamOf;
}

} // namespace tidemill::exchange::coinbase_exchange
