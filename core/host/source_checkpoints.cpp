// SPDX-License-Identifier: Apache-2.0
#include "source_checkpoints.h"

#include <QLoggingCategory>
#include <QThreadPool>

Q_LOGGING_CATEGORY(lcCheckpoints, "tidemill.host.checkpoints")

namespace tidemill::host {

SourceCheckpoints::SourceCheckpoints(const QString &folder, std::shared_ptr<NodeStatus> status,
                                     QObject *parent)
    : QObject(parent)
    , m_status(std::move(status))
{
    if (!folder.isEmpty()) {
        m_store = std::make_shared<CheckpointStore>(folder);
        m_tracker = std::make_shared<CheckpointTracker>();
    }
    m_timer.setInterval(std::chrono::seconds(1));
    connect(&m_timer, &QTimer::timeout, this, &SourceCheckpoints::save);
}

CheckpointTracker::Positions SourceCheckpoints::load()
{
    if (!m_store)
        return {};
    auto loaded = m_store->load();
    if (!loaded) {
        qCCritical(lcCheckpoints).noquote()
            << m_status->description.name +
                   QLatin1String(": no checkpoints, so what was missed since the last "
                                 "run cannot be known or filled:")
            << loaded.error().message;
        return {};
    }
    m_positions = m_written = *loaded;
    m_status->setPositions(m_positions);
    return m_positions;
}

void SourceCheckpoints::noteReached(const QByteArray &stream, const QByteArray &position)
{
    if (!m_tracker) {
        if (!std::exchange(m_saidOff, true))
            qCInfo(lcCheckpoints).noquote()
                << m_status->description.name + QLatin1String(": no state directory, so no checkpoints: what "
                                                              "a restart misses is not filled");
        return;
    }
    m_tracker->reached(stream, position);
    if (!m_timer.isActive())
        m_timer.start();
}

// What was kept before and is kept now.
CheckpointTracker::Positions SourceCheckpoints::collect()
{
    const CheckpointTracker::Positions kept = m_tracker->kept();
    for (auto position = kept.begin(); position != kept.end(); ++position)
        m_positions.insert(position.key(), *position);
    return m_positions;
}

void SourceCheckpoints::save()
{
    const CheckpointTracker::Positions positions = collect();
    if (positions == m_written)
        return;
    m_written = positions;
    m_status->setPositions(positions);
    // A disk may take long to confirm, and the source's thread reads sockets.
    QThreadPool::globalInstance()->start(
        [store = m_store, positions, number = ++m_number, name = m_status->description.name] {
            if (const auto saved = store->save(positions, number); !saved)
                qCWarning(lcCheckpoints).noquote()
                    << name + QLatin1String(": checkpoints not written:") << saved.error().message;
        });
}

void SourceCheckpoints::finish()
{
    m_timer.stop();
    if (!m_tracker)
        return;
    m_tracker->freeze();
    const CheckpointTracker::Positions positions = collect();
    if (positions.isEmpty())
        return;
    m_status->setPositions(positions);
    if (const auto saved = m_store->save(positions, ++m_number); !saved)
        qCWarning(lcCheckpoints).noquote()
            << m_status->description.name + QLatin1String(": checkpoints not written:")
            << saved.error().message;
}

} // namespace tidemill::host
