// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "market_frames.h"
#include "measurement.h"

#include <tidemill/result.h>

#include <QTemporaryFile>

#include <memory>
#include <vector>

namespace tidemill::bench {

struct BlasterPlan
{
    // Frames in each phase. The first begins when the client has subscribed, each other one with go().
    std::vector<qint64> phases;
    // Frames a second, each sent at its time; 0: as fast as the client takes them, in TLS records of 16 KiB.
    int rate = 0;
};

// An exchange for one client: a TLS WebSocket server, and a plain HTTP server for snapshots of books, in a
// process of its own (a fork of this one), so that its CPU time is not ours. Make it before any thread is
// started; it dies with us.
class Blaster
{
public:
    static Result<std::unique_ptr<Blaster>> start(const MarketFrames &frames, const BlasterPlan &plan);
    ~Blaster();
    Q_DISABLE_COPY_MOVE(Blaster)

    quint16 port() const { return m_port; }
    QString url() const { return QStringLiteral("wss://127.0.0.1:%1").arg(m_port); }
    QString restUrl() const { return QStringLiteral("http://127.0.0.1:%1").arg(m_restPort); }
    QString caFile() const { return m_caFile.fileName(); }

    // Sends the next phase.
    void go();
    // Blocks until the client has subscribed; false if that does not happen in time.
    bool waitForSubscription(int milliseconds);

private:
    Blaster() = default;

    quint16 m_port = 0;
    quint16 m_restPort = 0;
    QTemporaryFile m_caFile;
    int m_control = -1;
    pid_t m_process = -1;
};

} // namespace tidemill::bench
