// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>

namespace tidemill::exchange::coinbase_exchange {

// A product as the status channel and /products describe it; `id` is like "BTC-USD".
QByteArray productJson(const QByteArray &id);

} // namespace tidemill::exchange::coinbase_exchange
