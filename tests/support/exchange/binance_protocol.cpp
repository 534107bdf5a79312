// SPDX-License-Identifier: Apache-2.0
#include "binance_protocol.h"

#include "binance_rest.h"
#include "binance_session.h"
#include "market_generator.h"

namespace tidemill::exchange {

namespace {

const QByteArray sbePath = "/sbe"; // before /ws and /stream, where Binance has a host of its own

struct Entrance
{
    bool sbe;
    std::optional<Target> target;
};

Entrance entranceOf(const QByteArray &path, const Settings &settings)
{
    const bool named = path.startsWith(sbePath + '/');
    return {settings.sbe || named, Target::parse(named ? path.mid(sbePath.size()) : path)};
}

} // namespace

std::optional<FrontDoor::Refusal> BinanceProtocol::refusal(const UpgradeRequest &request) const
{
    const Entrance entrance = entranceOf(request.target, settings());
    if (!entrance.target)
        return FrontDoor::Refusal{404, -1, {}};
    if (entrance.target->streams.size() > settings().limits.maxStreams)
        return FrontDoor::Refusal{400, -1, "{\"code\":4,\"msg\":\"Too many subscriptions\"}"};
    if (!entrance.sbe)
        return std::nullopt;
    const QByteArray key = request.headers.value("x-mbx-apikey");
    if (key.isEmpty())
        return FrontDoor::Refusal{400, -1, "No X-MBX-APIKEY header"};
    if (!settings().apiKey.isEmpty() && key != settings().apiKey)
        return FrontDoor::Refusal{400, -1, "Invalid X-MBX-APIKEY header"};
    return std::nullopt;
}

std::unique_ptr<Session> BinanceProtocol::openSession(const UpgradeRequest &request, SessionHost &host)
{
    const Entrance entrance = entranceOf(request.target, settings());
    return std::make_unique<BinanceSession>(host, settings(), entrance.target.value_or(Target()),
                                            entrance.sbe);
}

std::unique_ptr<RestApi> BinanceProtocol::makeRestApi()
{
    return std::make_unique<BinanceRest>(settings());
}

std::unique_ptr<MarketData> BinanceProtocol::simulate(const GeneratorOptions &options)
{
    return std::make_unique<MarketGenerator>(options);
}

} // namespace tidemill::exchange
