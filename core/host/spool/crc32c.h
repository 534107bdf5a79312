// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArrayView>

namespace tidemill::host {

// CRC-32C (Castagnoli), as iSCSI and ext4 have it: "123456789" gives 0xe3069283.
quint32 crc32c(QByteArrayView data);

} // namespace tidemill::host
