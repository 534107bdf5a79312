// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "capture_files.h"
#include "capture_format.h"

#include <tidemill/net/frames.h>

#include <chrono>
#include <map>
#include <set>

namespace tidemill::net {

// Notes what happens on the connections of a feed, and hands it to the disk in blocks. Never waits: what the
// disk cannot take is not captured, and counted. One thread, that of the source.
class CaptureWriter
{
public:
    // Whose capture it is, for whoever finds the files.
    struct Owner
    {
        QByteArray exchange;
        QString pipeline;
        QString node;
    };

    CaptureWriter(const CaptureSettings &settings, const Owner &owner, std::chrono::milliseconds rotateAfter);
    ~CaptureWriter(); // writes what there is

    void opened(qint64 connection, QByteArrayView address, Timestamp now);
    void subscribed(qint64 connection, const QList<QByteArray> &names, Timestamp now);
    void unsubscribed(qint64 connection, const QList<QByteArray> &names, Timestamp now);
    void sent(qint64 connection, QByteArrayView message, Timestamp now);
    void received(qint64 connection, const Frames &frames);
    void leads(qint64 connection, Timestamp now);
    void lost(qint64 connection, Timestamp now);
    void interrupted(const QList<QByteArray> &names, Timestamp now);
    void resumed(const QList<QByteArray> &names, Timestamp now);

    // A REST request: its address without secrets.
    void answered(QByteArrayView url, QByteArrayView body, Timestamp now);

    // Four times a second or so: what has come is on its way to the disk after a second at most.
    void tick(Timestamp now);
    // Everything so far goes to the disk, and nothing is noted any more.
    void end(Timestamp now);

    qint64 capturedFrames() const { return m_capturedFrames; }
    qint64 missedFrames() const; // that came and are not on the disk
    // What an operator should know of; empty: nothing.
    QString trouble() const;

private:
    struct Connection
    {
        QByteArray address;
        std::set<QByteArray> names;
        bool isLeader = false;
    };

    void note(capture::Kind kind, qint64 connection, Timestamp time, QByteArrayView payload,
              quint8 flags = 0);
    void beginFile(Timestamp now);
    void cut(Timestamp now);
    bool hasRoom(qint64 bytes, Timestamp now);

    Owner m_owner;
    qint64 m_maxFileBytes;
    qint64 m_maxQueuedBytes;
    std::chrono::milliseconds m_rotateAfter;
    QByteArray m_runName;
    std::map<qint64, Connection> m_connections; // that are open
    std::set<QByteArray> m_carried;             // streams that a connection carries
    QByteArray m_records;                       // of the next block
    qint64 m_frames = 0;                        // in it
    bool m_beginsFile = false;
    qint64 m_filesBegun = 0;
    Timestamp m_fileBegan;
    Timestamp m_lastCut;
    qint64 m_capturedFrames = 0; // handed over
    qint64 m_missedFrames = 0;   // not even that
    qint64 m_untoldFrames = 0;   // of these: what the capture has to tell of when there is room again
    bool m_isBehind = false;
    bool m_hasEnded = false;
    CaptureFiles m_files;
};

} // namespace tidemill::net
