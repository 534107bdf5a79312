// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "checkpoint_store.h"
#include "checkpoint_tracker.h"
#include "status.h"

#include <QObject>
#include <QTimer>

#include <memory>

namespace tidemill::host {

// The checkpoints of one source: reads them for its start, follows its deliveries, and writes what may be
// kept, at most once a second and at the end. A child of the source's runner and in its thread; the disk is
// waited for elsewhere.
class SourceCheckpoints : public QObject
{
    Q_OBJECT

public:
    // An empty folder: nothing is read or kept, which is said once if the source has positions.
    SourceCheckpoints(const QString &folder, std::shared_ptr<NodeStatus> status, QObject *parent);

    CheckpointTracker::Positions load();
    // For the source's deliveries; null if nothing is kept.
    const std::shared_ptr<CheckpointTracker> &tracker() const { return m_tracker; }
    void noteReached(const QByteArray &stream, const QByteArray &position);
    // The run ends: nothing settles any more. Returns when the last positions are on the disk.
    void finish();

private:
    CheckpointTracker::Positions collect();
    void save();

    std::shared_ptr<NodeStatus> m_status;
    std::shared_ptr<CheckpointStore> m_store;     // shared with a write that is under way
    std::shared_ptr<CheckpointTracker> m_tracker; // shared with deliveries that outlive us
    CheckpointTracker::Positions m_positions;     // with those of streams that this run has not touched
    CheckpointTracker::Positions m_written;
    quint64 m_number = 0;
    QTimer m_timer{this};
    bool m_saidOff = false;
};

} // namespace tidemill::host
