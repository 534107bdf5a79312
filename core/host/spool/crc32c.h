// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArrayView>

namespace tidemill::host {

// CRC-32C (Castagnoli), as iSCSI and ext4 have it: "123456789" gives 0xe3069283. By the CPU's own instruction
// where there is one.
quint32 crc32c(QByteArrayView data);

// The two ways it is done; the same sums.
quint32 crc32cByTable(QByteArrayView data);
bool hasCrc32cInstruction();
quint32 crc32cByInstruction(QByteArrayView data); // only if there is one

} // namespace tidemill::host
