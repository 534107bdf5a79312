// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QFile>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace tidemill::host {

// Brings what was written from the kernel to the disk within a second, whether or not more comes, from a
// thread of its own: a slow disk must not hold up whoever writes. All functions: any thread.
class SpoolSyncer
{
public:
    explicit SpoolSyncer(const QString &folder); // whose new files are brought to the disk, too
    ~SpoolSyncer();                              // after what is still to do
    Q_DISABLE_COPY_MOVE(SpoolSyncer)

    void wrote(const std::shared_ptr<QFile> &file, qint64 bytes);
    qint64 unsyncedBytes() const;
    quint64 errors() const;

private:
    void run();
    bool syncAll(const std::vector<std::shared_ptr<QFile>> &files);

    const QString m_folder;
    mutable std::mutex m_lock;
    std::condition_variable m_wake;
    std::vector<std::shared_ptr<QFile>> m_files; // kept open until they are synced
    qint64 m_bytes = 0;                          // written since the last round began
    qint64 m_underWay = 0;
    quint64 m_errors = 0;
    bool m_ends = false;
    std::thread m_thread; // the last member: it uses the others
};

} // namespace tidemill::host
