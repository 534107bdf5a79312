// SPDX-License-Identifier: Apache-2.0
#include "spool_syncer.h"

#include "spool_files.h"

#include <QLoggingCategory>

#include <algorithm>

Q_LOGGING_CATEGORY(lcSpoolSyncer, "tidemill.host.spool")

namespace tidemill::host {

namespace {

constexpr std::chrono::seconds syncInterval{1};

} // namespace

SpoolSyncer::SpoolSyncer(const QString &folder) : m_folder(folder), m_thread([this] { run(); }) {}

SpoolSyncer::~SpoolSyncer()
{
    {
        const std::scoped_lock lock(m_lock);
        m_ends = true;
    }
    m_wake.notify_one();
    m_thread.join();
}

void SpoolSyncer::wrote(const std::shared_ptr<QFile> &file, qint64 bytes)
{
    bool first = false;
    {
        const std::scoped_lock lock(m_lock);
        first = m_files.empty();
        if (std::find(m_files.begin(), m_files.end(), file) == m_files.end())
            m_files.push_back(file);
        m_bytes += bytes;
    }
    if (first)
        m_wake.notify_one();
}

qint64 SpoolSyncer::unsyncedBytes() const
{
    const std::scoped_lock lock(m_lock);
    return m_bytes + m_underWay;
}

quint64 SpoolSyncer::errors() const
{
    const std::scoped_lock lock(m_lock);
    return m_errors;
}

void SpoolSyncer::run()
{
    std::unique_lock lock(m_lock);
    while (true) {
        m_wake.wait(lock, [this] { return m_ends || !m_files.empty(); });
        // What comes within the second goes along.
        m_wake.wait_for(lock, syncInterval, [this] { return m_ends; });
        const auto files = std::exchange(m_files, {});
        m_underWay = std::exchange(m_bytes, 0);
        lock.unlock();
        const bool synced = syncAll(files);
        lock.lock();
        m_underWay = 0;
        if (!synced && m_errors++ == 0)
            qCCritical(lcSpoolSyncer).noquote()
                << QStringLiteral("%1: cannot be synced to the disk; a crash of the machine may cost records")
                       .arg(m_folder);
        if (m_ends && m_files.empty())
            return;
    }
}

bool SpoolSyncer::syncAll(const std::vector<std::shared_ptr<QFile>> &files)
{
    bool all = files.empty() || syncFolder(m_folder);
    for (const auto &file : files)
        all = syncToDisk(*file) && all;
    return all;
}

} // namespace tidemill::host
