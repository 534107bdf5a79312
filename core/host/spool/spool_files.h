// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spool_format.h"

#include <tidemill/result.h>

#include <QFile>
#include <QString>

#include <vector>

// The files of one spool: NNN.seg named by their first sequence number, cursor, lock, quarantine/.

namespace tidemill::host {

struct SpoolSegment
{
    QString path;
    quint64 first = 0;      // of its batches
    quint64 last = 0;       // first - 1: none
    qint64 size = 0;        // bytes
    quint64 unreadRows = 0; // of batches that no reader has had
};

// What opening a spool found, mended.
struct RecoveredSpool
{
    quint64 confirmed = 0;              // everything up to there is dealt with
    std::vector<SpoolSegment> segments; // those with anything beyond, by number
    quint64 quarantined = 0;            // files put aside because of damage
    quint64 lastSequence = 0;
};

QString spoolSegmentPath(const QString &folder, quint64 first);
QStringList spoolSegmentFiles(const QString &folder); // whole paths, by number
QByteArray readWholeFile(const QString &path);

// Nothing readable counts as 0: everything is delivered again, which does no harm.
quint64 readSpoolCursor(const QString &folder);
Result<> writeSpoolCursor(const QString &folder, quint64 confirmed);

// Keeps a copy of a damaged segment for whoever wants to look.
void quarantineSegment(const QString &folder, const QString &path);

// Cuts a torn tail off the last segment, puts damaged ones aside and keeps what is good of them, removes
// those that are confirmed.
Result<RecoveredSpool> recoverSpool(const QString &folder);

// One process at a time. Held until the file is closed, so also a killed process lets go of it.
Result<> lockSpool(QFile &lock, const QString &folder);
bool syncToDisk(QFile &file);

} // namespace tidemill::host
