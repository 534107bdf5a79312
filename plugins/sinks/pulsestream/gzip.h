// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>

namespace tidemill::pulsestream {

// As gzip (RFC 1952). Empty if there is no memory for it.
QByteArray gzipped(const QByteArray &bytes);

} // namespace tidemill::pulsestream
