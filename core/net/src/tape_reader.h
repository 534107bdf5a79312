// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "recorded_event.h"

#include <QHash>
#include <QIODevice>

#include <vector>

namespace tidemill::net {

// Reads a tape: text, one event a line,
//
//     <unix seconds or -> TAB <connect|send|recv|http> TAB <connection> TAB <payload>
//
// A second connect of the same name ends the connection before it. The payload of http is <url> TAB <body>.
// What was sent is left out. Lines that are none are counted and skipped. The device is the caller's.
class TapeReader
{
public:
    static constexpr qsizetype maxLine = 64LL * 1024 * 1024;

    explicit TapeReader(QIODevice &device) : m_device(device) {}

    // Text that may be the begin of a tape.
    static bool isTape(QByteArrayView beginOfFile);

    // False: the end.
    bool next(RecordedEvent &event);
    qint64 badLines() const { return m_badLines; }

private:
    std::optional<QByteArrayView> readLine();
    bool take(QByteArrayView line, RecordedEvent &event);
    void open(QByteArrayView name, RecordedEvent &event);

    QIODevice &m_device;
    std::vector<char> m_buffer;
    std::size_t m_begin = 0;
    std::size_t m_end = 0;
    bool m_isSkipping = false; // the rest of a line that is too long
    QHash<QByteArray, qint64> m_connections;
    qint64 m_lastConnection = 0;
    qint64 m_toOpen = 0; // once the loss of the one before has been told; 0: none
    Timestamp m_time;
    Frame m_frame;
    qint64 m_badLines = 0;
};

// "1723161254.024619568": digits only, at most nine behind the point. Exact.
std::optional<Timestamp> parseTapeTime(QByteArrayView text);

} // namespace tidemill::net
