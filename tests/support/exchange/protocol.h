// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "front_door.h"
#include "rest_api.h"
#include "session.h"
#include "simulated_symbol.h"
#include "tape.h"

#include <memory>

namespace tidemill::exchange {

// One exchange's ways: who may connect, what is said on a connection, how REST answers, and what the frames
// of a market look like. One for a FakeExchange; everything it hands out refers to it or to `settings`.
class Protocol
{
public:
    explicit Protocol(const Settings &settings) : m_settings(settings) {}
    virtual ~Protocol() = default;

    // The protocol that `settings` name.
    static std::unique_ptr<Protocol> create(const Settings &settings);

    virtual std::optional<FrontDoor::Refusal> refusal(const UpgradeRequest &request) const = 0;
    virtual std::unique_ptr<Session> openSession(const UpgradeRequest &request, SessionHost &host) = 0;
    virtual std::unique_ptr<RestApi> makeRestApi() = 0;
    virtual std::unique_ptr<MarketData> simulate(const GeneratorOptions &options) = 0;
    // Gives the frames of a tape their streams; none: by Binance's rules.
    virtual Tape::Namer tapeNamer() const { return {}; }
    virtual int messagesPerSecond() const = 0; // allowed of a client
    // `payload` with something wrong in it that only a checksum shows.
    virtual QByteArray corrupted(const QByteArray &payload) const { return payload; }

protected:
    const Settings &settings() const { return m_settings; }

private:
    const Settings &m_settings;
};

} // namespace tidemill::exchange
