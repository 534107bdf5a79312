// SPDX-License-Identifier: Apache-2.0
#include "products.h"

namespace tidemill::coinbase {

using namespace net::json;

namespace {

bool readProduct(ondemand::value value, BatchBuilder<net::ProductStatus> &batch, net::ProductStatus &status)
{
    const bool good = eachMember(value, [&](std::string_view name, ondemand::value member) {
        std::string_view text;
        if (name == "id")
            return readSymbol(member, status.symbol);
        if (name == "base_currency")
            return readSymbol(member, status.base);
        if (name == "quote_currency")
            return readSymbol(member, status.quote);
        if (name == "base_increment")
            return readOptionalDecimal(member, status.base_increment);
        if (name == "quote_increment")
            return readOptionalDecimal(member, status.quote_increment);
        if (name == "status")
            return readSymbol(member, status.status);
        if (name == "status_message" && token(member) != "null") {
            if (!readText(member, text))
                return false;
            status.message = batch.text(bytes(text));
            return true;
        }
        if (name == "post_only")
            return readBool(member, status.post_only);
        if (name == "limit_only")
            return readBool(member, status.limit_only);
        if (name == "cancel_only")
            return readBool(member, status.cancel_only);
        return true;
    });
    return good && !status.symbol.isNull();
}

} // namespace

bool emitProducts(net::FeedSource &source, ondemand::value products, const net::ProductStatus &blank,
                  const std::function<bool(net::ProductStatus &status)> &wants)
{
    BatchBuilder<net::ProductStatus> statuses;
    const bool good = eachElement(products, [&](ondemand::value product) {
        net::ProductStatus status = blank;
        if (!readProduct(product, statuses, status))
            return false;
        if (wants(status))
            statuses.append(status);
        return true;
    });
    if (!statuses.isEmpty())
        emit source.emitted(statuses.finish());
    return good;
}

} // namespace tidemill::coinbase
