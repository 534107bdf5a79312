// SPDX-License-Identifier: Apache-2.0
#include "spool_witness.h"

#include "host/spool/batch_codec.h"
#include "host/spool/schema_codec.h"
#include "host/spool/spool_cursor.h"
#include "host/spool/spool_files.h"

#include <tidemill/records.h>

namespace tidemill::testing {

using namespace tidemill::host;

QString SpoolWitness::note()
{
    Run run;
    m_unconfirmed.clear();
    const quint64 confirmed = readSpoolCursor(m_folder);
    for (const QString &path : spoolSegmentFiles(m_folder)) {
        if (const QString wrong = noteSegment(path, confirmed, run); !wrong.isEmpty())
            return path + QStringLiteral(": ") + wrong;
    }
    if (confirmed > m_last)
        return QStringLiteral("confirmed through batch %1, and only %2 were written")
            .arg(confirmed)
            .arg(m_last);
    m_runs.append(run);
    return {};
}

QString SpoolWitness::noteSegment(const QString &path, quint64 confirmed, Run &run)
{
    const QByteArray data = readWholeFile(path);
    const SpoolScan scan = scanSpoolSegment(data);
    if (!scan.damages.empty() && !scan.hasTornTail(data.size()))
        return QStringLiteral("damaged at byte %1").arg(scan.damages.front().offset);
    QHash<quint64, const Schema *> schemas;
    for (const SpoolScan::Entry &entry : scan.entries) {
        const SpoolEntryHeader &header = entry.header;
        const QByteArrayView payload =
            QByteArrayView(data).sliced(entry.offset + spoolEntryHeaderSize, qsizetype(header.payloadSize));
        if (header.kind == SpoolEntryKind::Schema) {
            const auto schema = decodeSchema(payload, header.fingerprint);
            if (!schema)
                return schema.error().message;
            schemas.insert(header.fingerprint, *schema);
            continue;
        }
        const Schema *schema = schemas.value(header.fingerprint);
        if (!schema)
            return QStringLiteral("batch %1 is of a type that is not described").arg(header.sequence);
        const auto batch = decodeBatch(*schema, header.rowCount, payload, {});
        if (!batch)
            return batch.error().message;
        const bool isNew = header.sequence > m_last;
        if (isNew && header.sequence != m_last + 1)
            return QStringLiteral("batch %1 follows batch %2").arg(header.sequence).arg(m_last);
        m_last = std::max(m_last, header.sequence);
        m_largestBatch = std::max(m_largestBatch, (*batch)->rowCount());
        for (const Trade &trade : (*batch)->rows<Trade>()) {
            if (header.sequence > confirmed)
                m_unconfirmed.insert(trade.trade_id);
            if (isNew)
                run.trades.insert(trade.trade_id, trade.price.toString() + ' ' + trade.quantity.toString());
        }
        for (const Gap &gap : (*batch)->rows<Gap>()) {
            if (isNew)
                run.gaps.append({gap.first_missing, gap.last_missing});
        }
    }
    return {};
}

TradesById SpoolWitness::accepted() const
{
    TradesById all;
    for (const Run &run : m_runs)
        all.insert(run.trades);
    return all;
}

qint64 SpoolWitness::gapRecords() const
{
    qint64 count = 0;
    for (const Run &run : m_runs)
        count += run.gaps.size();
    return count;
}

QList<qint64> SpoolWitness::missing(const TradesById &sent) const
{
    QList<qint64> ids;
    for (const Run &run : m_runs) {
        if (run.trades.isEmpty())
            continue;
        for (auto trade = sent.lowerBound(run.trades.firstKey());
             trade != sent.end() && trade.key() <= run.trades.lastKey(); ++trade) {
            if (!run.trades.contains(trade.key()))
                ids.append(trade.key());
        }
    }
    return ids;
}

} // namespace tidemill::testing
