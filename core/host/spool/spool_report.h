// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spool_format.h"

#include <QList>
#include <QMap>
#include <QString>

namespace tidemill::host {

// What is in a spool, found without locking or changing it.
struct SpoolReport
{
    struct Segment
    {
        QString path;
        qint64 bytes = 0;
        qint64 batches = 0;
        quint64 unconfirmed = 0;     // records
        QMap<QString, quint64> rows; // by record type
        std::vector<SpoolScan::Damage> damages;
        QStringList problems;  // of entries whose sums are right and whose content is not
        bool tornTail = false; // what a killed process or a full disk leaves and the next start cuts off
        bool headerGood = true;
    };

    QString folder;
    quint64 confirmed = 0;
    bool cursorGood = true;
    QList<Segment> segments;
    QStringList quarantined;

    bool isDamaged() const;
    quint64 unconfirmed() const;
};

SpoolReport inspectSpool(const QString &folder);

// All spools at or below a folder: folders with a lock, a cursor or segments in them.
QStringList findSpools(const QString &folder);

} // namespace tidemill::host
