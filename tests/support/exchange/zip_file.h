// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>

namespace tidemill::exchange {

// A zip archive of one deflated file.
QByteArray zipFile(const QByteArray &name, const QByteArray &content);

} // namespace tidemill::exchange
