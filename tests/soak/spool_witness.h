// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "truth.h"

#include <QSet>

namespace tidemill::testing {

// Knows what the spool of one sink has taken, run by run, from nothing but its files: each run writes
// segments of its own, and the last one of a run stays until the next begins. So whatever the sink has stored
// by then, what was accepted is known without asking it.
class SpoolWitness
{
public:
    struct Run
    {
        TradesById trades;
        QList<MissingRange> gaps;
    };

    explicit SpoolWitness(const QString &folder) : m_folder(folder) {}

    // After a run has been killed. What is wrong with the files; empty when all is well.
    QString note();

    const QList<Run> &runs() const { return m_runs; }
    TradesById accepted() const;
    qint64 gapRecords() const;
    // Of those that the last run left unconfirmed.
    const QSet<qint64> &unconfirmed() const { return m_unconfirmed; }
    qsizetype largestBatch() const { return m_largestBatch; }

    // Ids that the exchange has sent and that were not accepted, although their neighbours in one and the
    // same run were. A hole may only lie between two runs.
    QList<qint64> missing(const TradesById &sent) const;

private:
    QString noteSegment(const QString &path, quint64 confirmed, Run &run);

    const QString m_folder;
    QList<Run> m_runs;
    quint64 m_last = 0; // number of the last batch of all runs
    QSet<qint64> m_unconfirmed;
    qsizetype m_largestBatch = 0;
};

} // namespace tidemill::testing
