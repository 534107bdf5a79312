// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/feed.h>

#include <QRandomGenerator>

namespace tidemill::net {

// What all lines of a feed share. Belongs to the Feed and outlives them.
struct FeedContext
{
    FeedPlan plan;
    Feed::SessionFactory factory;
    Feed::Prober prober;
    FeedFigures counted; // events; and the traffic of lines that are gone
    int lines = 0;       // made so far: the next one's number for people
    bool isPaused = false;
    QRandomGenerator random = QRandomGenerator::securelySeeded();
};

// At what age a connection is rotated: up to a tenth early, so that those made together do not go together.
inline std::chrono::milliseconds rotationAge(std::chrono::milliseconds lifetime, QRandomGenerator &random)
{
    const auto spread = static_cast<double>(lifetime.count()) / 10;
    return lifetime - std::chrono::milliseconds(static_cast<qint64>(random.generateDouble() * spread));
}

} // namespace tidemill::net
