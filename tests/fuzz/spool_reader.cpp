// SPDX-License-Identifier: Apache-2.0
#include "fuzz.h"
#include "host/spool/batch_codec.h"
#include "host/spool/schema_codec.h"
#include "spool_sums.h"

#include <tidemill/json.h>
#include <tidemill/records.h>

// Whatever a segment of a spool holds: reading it ends, every byte is either of a good entry or reported as
// damage, an entry writes back to the same bytes, and a batch holds the rows that its entry says, which read
// the same after they were written once more.
//
// Input: one byte, then a segment. If that byte is odd, the check sums of the segment are put right first:
// otherwise a changed byte would get no further than to them.

using namespace tidemill;
using namespace tidemill::fuzz;
using namespace tidemill::host;

namespace {

void checkBatch(const SpoolEntryHeader &header, const Schema &schema, QByteArrayView payload)
{
    const auto batch = decodeBatch(schema, header.rowCount, payload, nullptr);
    if (!batch)
        return;
    require((*batch)->rowCount() == qsizetype(header.rowCount), "a batch has the rows its entry says");
    const QByteArray written = encodeBatch(**batch);
    const auto again = decodeBatch(schema, header.rowCount, written, nullptr);
    require(again.has_value(), "what was written can be read");
    require(encodeBatch(**again) == written, "what is read is written the same");
    for (qsizetype row = 0; row < (*batch)->rowCount(); ++row)
        require(sameRecord(**batch, row, **again, row), "a row stays what it is");
}

void checkEntry(const SpoolEntryHeader &header, QByteArrayView payload, QByteArrayView entry)
{
    require(spoolEntry(header, payload) == entry, "an entry writes back to the same bytes");
    if (header.kind == SpoolEntryKind::Schema) {
        if (const auto schema = decodeSchema(payload, header.fingerprint))
            require((*schema)->fingerprint() == header.fingerprint, "a schema is the one it says");
        // One that is known is not read again, so this is what reads the bytes.
        require(!decodeSchema(payload, ~header.fingerprint), "a schema is not another one");
        return;
    }
    for (const Schema *schema : {&schemaOf<Trade>(), &schemaOf<BookUpdate>(), &schemaOf<Gap>()})
        checkBatch(header, *schema, payload);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    if (size == 0)
        return 0;
    const QByteArrayView given = view(data + 1, size - 1);
    const QByteArray bytes = data[0] % 2 == 1 ? mended(given.toByteArray()) : given.toByteArray();

    const SpoolScan scan = scanSpoolSegment(bytes);
    qsizetype accounted = scan.headerGood ? spoolSegmentHeaderSize : 0;
    for (const SpoolScan::Damage &damage : scan.damages)
        accounted += damage.size;
    for (const SpoolScan::Entry &entry : scan.entries) {
        const qsizetype entrySize = spoolEntryHeaderSize + qsizetype(entry.header.payloadSize);
        const QByteArrayView whole = QByteArrayView(bytes).sliced(entry.offset, entrySize);
        checkEntry(entry.header, whole.sliced(spoolEntryHeaderSize), whole);
        accounted += entrySize;
    }
    require(accounted == bytes.size(), "every byte is good or damaged");
    (void)parseSpoolCursor(given);
    return 0;
}
