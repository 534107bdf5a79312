// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "capture_format.h"
#include "recorded_event.h"

#include <QIODevice>

#include <vector>

namespace tidemill::net {

// Reads one capture file, whatever became of it: a tail that was not written to its end is left out, what is
// damaged in the middle is skipped and told. The device is the caller's, and can seek.
class CaptureReader
{
public:
    explicit CaptureReader(QIODevice &device) : m_device(device) {}

    static bool isCapture(QByteArrayView beginOfFile) { return beginOfFile.startsWith(capture::fileMagic); }

    // False: the end.
    bool next(RecordedEvent &event);

    // Of the newest Begin record.
    QByteArray begin() const { return m_begin; }
    qint64 damagedBytes() const { return m_damagedBytes; }
    qint64 tornBytes() const { return m_tornBytes; } // at the end
    bool hasEnded() const { return m_hasEnded; }     // the run was ended in order within this file

private:
    bool nextBlock(RecordedEvent &event, bool &isDamaged);
    qint64 findBlock(qint64 from);
    QByteArray readAt(qint64 offset, qint64 size);
    bool take(RecordedEvent &event);
    void takeFrames(RecordedEvent &event, const capture::RecordHeader &first);
    void tellDamage(RecordedEvent &event, qint64 bytes);

    QIODevice &m_device;
    qint64 m_offset = 0; // of the next block
    std::vector<char> m_block;
    QByteArrayView m_records; // of it, that are still to be read
    std::vector<Frame> m_frames;
    QByteArray m_begin;
    qint64 m_nextNumber = 0;
    qint64 m_damagedBytes = 0;
    qint64 m_tornBytes = 0;
    Timestamp m_lastTime;
    bool m_hasEnded = false;
};

} // namespace tidemill::net
