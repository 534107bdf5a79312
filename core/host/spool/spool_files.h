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
    bool isAside = false;   // a copy is in quarantine/
};

// What opening a spool found, mended.
struct RecoveredSpool
{
    quint64 confirmed = 0;              // everything up to there is dealt with
    std::vector<SpoolSegment> segments; // those with anything beyond, by number
    quint64 batches = 0;                // in them, beyond
    quint64 quarantined = 0;            // files put aside because of damage
    quint64 lastSequence = 0;
    qint64 oldestMs = 0; // about when the first of them was written
};

QString spoolSegmentPath(const QString &folder, quint64 first);
QStringList spoolSegmentFiles(const QString &folder); // whole paths, by number
quint64 firstOfSegment(const QString &path);          // as its name says
QByteArray readWholeFile(const QString &path);

// Keeps a copy of a damaged segment for whoever wants to look.
void quarantineSegment(const QString &folder, const QString &path);

// Cuts off what was not written whole, puts damaged ones aside and keeps what is good of them, removes
// those that are confirmed.
Result<RecoveredSpool> recoverSpool(const QString &folder);

// One process at a time. Held until the file is closed, so also a killed process lets go of it. Gives what
// the process before has written about itself: "process 4711, begun 2024-08-08T23:54:15Z"; empty: none.
Result<QString> lockSpool(QFile &lock, const QString &folder);
// The same for any file; it is made if it is missing. The error, if another process has it, is `refusal`.
Result<QString> takeLock(QFile &lock, const QString &refusal);
bool syncToDisk(const QFile &file);
// After files were made in it.
bool syncFolder(const QString &folder);

} // namespace tidemill::host
