// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/records.h>

namespace tidemill::net {

// What an exchange says of a product: whether it can be traded, and in which steps.
struct ProductStatus
{
    Symbol exchange;
    Symbol symbol;
    Timestamp ts_event; // null: the channel sends none
    Timestamp ts_recv;
    Symbol base;
    Symbol quote;
    Decimal base_increment = Decimal::null();
    Decimal quote_increment = Decimal::null();
    Symbol status; // online, offline, internal, delisted
    Text message;
    bool post_only = false;
    bool limit_only = false;
    bool cancel_only = false;
    Provenance provenance = Provenance::Live;
};

TIDEMILL_RECORD(ProductStatus, 1, State, (exchange, symbol),
                (exchange, symbol, ts_event, ts_recv, base, quote, base_increment, quote_increment, status,
                 message, post_only, limit_only, cancel_only, provenance))

} // namespace tidemill::net
