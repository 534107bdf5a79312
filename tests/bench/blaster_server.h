// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blaster.h"
#include "certificate.h"

#include <string>

namespace tidemill::bench {

// What runs in the blaster's process. Uses nothing of Qt's event loop, blocks, and serves one client.
class BlasterServer
{
public:
    // Writes one byte to `control` when the client has subscribed, reads one for each further phase.
    BlasterServer(const MarketFrames &frames, const BlasterPlan &plan, SSL_CTX *context, int listener,
                  int restListener, int control);

    // Returns when the client or the other end of `control` is gone.
    void run();

private:
    bool acceptClient();
    bool readClient();
    bool answerSubscription();
    bool write(std::string_view bytes);

    // Serves requests for snapshots until go() was called. False if there is nobody any more.
    bool waitForGo();
    void serveRest(int connection);

    bool blast(qint64 frames);
    bool pace(qint64 frames);

    const MarketFrames &m_frames;
    const BlasterPlan &m_plan;
    SSL_CTX *m_context;
    int m_listener;
    int m_restListener;
    int m_control;
    int m_socket = -1;
    TlsStream m_tls;
    std::string m_received;
    qint64 m_next = 0; // index of the next frame
};

} // namespace tidemill::bench
