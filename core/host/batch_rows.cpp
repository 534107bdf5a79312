// SPDX-License-Identifier: Apache-2.0
#include "batch_rows.h"

namespace tidemill::host {

namespace {

template<typename T>
void setField(std::byte *row, const Field &field, const T &value)
{
    std::memcpy(row + field.offset, &value, sizeof value);
}

void copyRow(UntypedBatchBuilder &builder, const Batch &batch, qsizetype index)
{
    std::byte *row = builder.appendRow();
    std::memcpy(row, batch.row(index), batch.schema().rowSize());
    for (const Field &field : batch.schema().fields()) {
        if (field.type == FieldType::Text)
            setField(row, field, builder.text(batch.text(batch.value<Text>(index, field))));
        else if (field.type == FieldType::Bytes)
            setField(row, field, builder.bytes(batch.bytes(batch.value<Bytes>(index, field))));
        else if (field.type == FieldType::Levels)
            setField(row, field, builder.levels(batch.levels(batch.value<Levels>(index, field))));
    }
}

} // namespace

BatchPtr copyRows(const Batch &batch, const std::vector<qsizetype> &rows)
{
    UntypedBatchBuilder builder(batch.schema());
    builder.continues(batch);
    for (const qsizetype row : rows)
        copyRow(builder, batch, row);
    return builder.finish();
}

} // namespace tidemill::host
