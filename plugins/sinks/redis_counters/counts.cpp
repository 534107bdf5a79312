// SPDX-License-Identifier: Apache-2.0
#include "counts.h"

#include <tidemill/records.h>

#include <QHashFunctions>

#include <algorithm>

namespace tidemill::redis_counters {

namespace {

const Field *timeField(const Schema &schema, QByteArrayView name)
{
    const int index = schema.indexOf(name);
    const Field *field = index < 0 ? nullptr : &schema.fields()[std::size_t(index)];
    return field && field->type == FieldType::Timestamp ? field : nullptr;
}

} // namespace

Counts Counts::of(const Batch &batch)
{
    Counts counts;
    if (batch.is<Gap>()) {
        for (const Gap &gap : batch.rows<Gap>()) {
            if (gap.state != GapState::Open)
                continue;
            ++counts.losses;
            counts.errors += gap.cause == GapCause::Disconnect ? 1 : 0;
        }
        return counts;
    }
    counts.messages = batch.rowCount();
    const Field *happened = timeField(batch.schema(), "ts_event");
    const Field *received = timeField(batch.schema(), "ts_recv");
    if (!happened || !received)
        return counts;
    for (qsizetype row = 0; row < batch.rowCount(); ++row) {
        const auto from = batch.value<Timestamp>(row, *happened);
        const auto to = batch.value<Timestamp>(row, *received);
        // Clocks that do not agree make no time.
        if (!from.isNull() && from < to)
            counts.latencyNs += (to - from).count();
    }
    return counts;
}

Counts &Counts::operator+=(const Counts &other)
{
    messages += other.messages;
    latencyNs += other.latencyNs;
    errors += other.errors;
    losses += other.losses;
    return *this;
}

QByteArray Counts::latencyText() const
{
    constexpr qint64 second = 1'000'000'000;
    return QByteArray::number(latencyNs / second) + '.' +
           QByteArray::number(latencyNs % second).rightJustified(9, '0');
}

quint64 fingerprintOf(const Batch &batch)
{
    quint64 hash = batch.schema().fingerprint() + quint64(batch.rowCount());
    if (batch.rowCount() > 0)
        hash ^= qHashBits(batch.row(0), std::size_t(batch.rowCount()) * batch.schema().rowSize(), hash);
    return hash;
}

} // namespace tidemill::redis_counters
