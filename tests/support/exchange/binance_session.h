// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control.h"
#include "session.h"
#include "settings.h"

namespace tidemill::exchange {

// A client of /ws or /stream, in JSON or in SBE.
class BinanceSession final : public Session
{
public:
    // `sbe`: data are binary and never wrapped; what is controlled stays JSON.
    BinanceSession(SessionHost &host, const Settings &settings, const Target &target, bool sbe);

    void opened() override;
    void receive(const QByteArray &message) override;
    QByteArrayList streams() const override;
    QByteArray render(const StreamFrame &frame, const QByteArray &name) override;
    QByteArray shutdownNotice() const override;
    bool wantsMicroseconds() const override { return m_microseconds; }
    bool countsControlFrames() const override { return true; }

private:
    const Settings &m_settings;
    ControlState m_control;
    bool m_microseconds;
    bool m_sbe;
};

} // namespace tidemill::exchange
