// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "capture_format.h"

#include <tidemill/net/frames.h>

#include <QList>

#include <span>

namespace tidemill::net {

// One thing that happened, read from a recording. Views are valid until the next one is read; behind each
// frame 64 bytes may be read, as behind those of a socket.
struct RecordedEvent
{
    enum class Kind {
        Began, // a recording of one run of a collector; what came before is over
        Opened,
        Subscribed,
        Unsubscribed,
        Received,
        Leads,
        Lost,
        Interrupted,
        Resumed,
        Answered, // a REST request
        Missed,   // frames that are not in the recording
    };

    Kind kind = Kind::Began;
    Timestamp time; // null: not known
    qint64 connection = 0;
    std::span<const Frame> frames; // of one read of the socket
    QList<QByteArray> names;       // of streams
    QByteArrayView url;            // of a REST request, and its answer
    QByteArrayView body;
    QString missed;           // what is missing, for a person
    bool isContinued = false; // has happened before, told again at the begin of a file
    // Who carried which stream on which connection is part of the recording. Otherwise each connection is
    // taken to carry all, and to count.
    bool knowsStreams = false;
};

} // namespace tidemill::net
