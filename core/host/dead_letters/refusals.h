// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../status.h"
#include "letter_store.h"

#include <QElapsedTimer>

#include <memory>

namespace tidemill::host {

// Puts away what a sink can never store: as dead letters if there is a place for them, otherwise nowhere. One
// thread: the sink's.
class Refusals
{
public:
    // `stateDirectory` is the sink's; empty: there is no place for dead letters.
    Refusals(NodeStatus &status, const QString &stateDirectory);

    struct Outcome
    {
        const char *reason;  // the records count as dropped under it
        bool isLost = false; // they were to be kept and could not be
    };

    // `reason`: "rejected", "given_up". Logged and noted, not counted.
    Outcome putAway(const BatchPtr &batch, const char *reason, const QList<DeadLetter::Cause> &causes);

    bool hasStore() const { return m_store != nullptr; }
    quint64 lettersWaiting() { return m_store ? m_store->figures().letters : 0; }

private:
    void log(const QString &text);

    NodeStatus &m_status;
    std::unique_ptr<LetterStore> m_store;
    // A peer may refuse thousands a second: one line a second says so, and how often it went unsaid.
    QElapsedTimer m_sinceLog;
    quint64 m_unlogged = 0;
    quint64 m_lostRows = 0;
};

} // namespace tidemill::host
