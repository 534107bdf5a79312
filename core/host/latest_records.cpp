// SPDX-License-Identifier: Apache-2.0
#include "latest_records.h"

#include "batch_rows.h"

#include <QSet>

namespace tidemill::host {

namespace {

bool countsOrDates(const Field &field)
{
    if (field.type == FieldType::Timestamp)
        return true;
    return (field.type == FieldType::Int64 || field.type == FieldType::UInt64) &&
           (field.name == "sequence" || field.name.ends_with("_id"));
}

std::vector<const Field *> keyFields(const Schema &schema)
{
    std::vector<const Field *> all;
    std::vector<const Field *> lasting;
    for (const int index : schema.key()) {
        const Field &field = schema.fields()[std::size_t(index)];
        all.push_back(&field);
        if (!countsOrDates(field))
            lasting.push_back(&field);
    }
    return schema.kind() == RecordKind::State || lasting.empty() ? all : lasting;
}

template<typename T>
void appendNumber(QByteArray &key, const T &value)
{
    key.append(reinterpret_cast<const char *>(&value), sizeof value);
}

void appendSized(QByteArray &key, QByteArrayView data)
{
    appendNumber(key, data.size());
    key.append(data.data(), data.size());
}

void appendField(QByteArray &key, const Batch &batch, qsizetype row, const Field &field)
{
    switch (field.type) {
    case FieldType::Int64:
    case FieldType::UInt64:
    case FieldType::Double:
    case FieldType::Timestamp:
        appendNumber(key, batch.value<quint64>(row, field));
        return;
    case FieldType::Bool:
    case FieldType::Enum:
        appendNumber(key, batch.value<quint8>(row, field));
        return;
    case FieldType::Symbol:
        appendNumber(key, batch.value<Symbol>(row, field).id());
        return;
    case FieldType::Decimal:
        appendSized(key, batch.value<Decimal>(row, field).toString()); // not its bytes: some are padding
        return;
    case FieldType::Text:
        appendSized(key, batch.text(batch.value<Text>(row, field)));
        return;
    case FieldType::Bytes:
        appendSized(key, batch.bytes(batch.value<Bytes>(row, field)));
        return;
    case FieldType::Levels:
        for (const Level &level : batch.levels(batch.value<Levels>(row, field)))
            appendSized(key, level.price.toString() + ' ' + level.quantity.toString());
        return;
    }
}

} // namespace

quint64 keepLatest(std::deque<BatchPtr> &queue)
{
    QSet<QByteArray> seen;
    std::deque<BatchPtr> kept;
    quint64 gone = 0;
    QByteArray key;
    for (auto batch = queue.rbegin(); batch != queue.rend(); ++batch) {
        const std::vector<const Field *> fields = keyFields((*batch)->schema());
        std::vector<qsizetype> rows;
        for (qsizetype row = (*batch)->rowCount() - 1; row >= 0; --row) {
            key.clear();
            appendNumber(key, (*batch)->schema().fingerprint());
            for (const Field *field : fields)
                appendField(key, **batch, row, *field);
            if (seen.contains(key))
                continue;
            seen.insert(key);
            rows.push_back(row);
        }
        gone += quint64((*batch)->rowCount()) - quint64(rows.size());
        if (qsizetype(rows.size()) == (*batch)->rowCount())
            kept.push_front(*batch);
        else if (!rows.empty())
            kept.push_front(copyRows(**batch, {rows.rbegin(), rows.rend()}));
    }
    queue = std::move(kept);
    return gone;
}

} // namespace tidemill::host
