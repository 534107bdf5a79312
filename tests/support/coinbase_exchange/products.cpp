// SPDX-License-Identifier: Apache-2.0
#include "coinbase_exchange/products.h"

namespace tidemill::exchange::coinbase_exchange {

QByteArray productJson(const QByteArray &id)
{
    const qsizetype dash = id.indexOf('-');
    const QByteArray base = id.left(dash);
    const QByteArray quote = id.mid(dash + 1);
    return "{\"id\":\"" + id + "\",\"base_currency\":\"" + base + "\",\"quote_currency\":\"" + quote +
           "\",\"base_increment\":\"0.00000001\",\"quote_increment\":\"0.01\",\"display_name\":\"" + base +
           '/' + quote +
           "\",\"status\":\"online\",\"status_message\":null,\"min_market_funds\":\"1\",\"post_only\":false,"
           "\"limit_only\":false,\"cancel_only\":false,\"fx_stablecoin\":false}";
}

} // namespace tidemill::exchange::coinbase_exchange
