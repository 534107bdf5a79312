// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QString>

#include <memory>

namespace tidemill::net {

struct CaptureSettings
{
    QString directory;
    QString name; // of the files: whose capture it is
    qint64 maxFileBytes = 256LL * 1024 * 1024;
    qint64 maxBytes = 10LL * 1024 * 1024 * 1024; // of all files of that name
    bool deletesOldest = false;                  // when there is no room left; otherwise that is the end
    qint64 maxQueuedBytes = 64LL * 1024 * 1024;  // that wait for the disk
};

// What a capture writes, compressed, in a thread of its own, so that a slow disk holds up nobody else. The
// thread shares nothing but a queue, and outlives this object if the disk lets it hang.
class CaptureFiles
{
public:
    struct Block
    {
        QByteArray records;
        qint64 frames = 0;
        bool beginsFile = false;
    };

    struct Status
    {
        qint64 queuedBytes = 0;
        qint64 files = 0;        // begun
        qint64 fileBytes = 0;    // of the newest file
        qint64 writtenBytes = 0; // in all
        qint64 lostFrames = 0;   // that were taken and could not be written
        QString stopped;         // why nothing is written any more; empty: it is
    };

    explicit CaptureFiles(const CaptureSettings &settings);
    ~CaptureFiles(); // waits for what is queued, but not for ever

    void add(Block block);
    Status status() const;

private:
    struct Shared;
    std::shared_ptr<Shared> m_shared;
};

} // namespace tidemill::net
