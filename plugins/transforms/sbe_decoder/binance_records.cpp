// SPDX-License-Identifier: Apache-2.0
#include "mapping.h"

#include <tidemill/records.h>

#include <QFile>

// The macro must stand outside of namespaces; and without a call, the linker leaves the resource of a static
// library out.
static void initializeResource()
{
    Q_INIT_RESOURCE(sbe_decoder);
}

namespace tidemill::sbe {

namespace {

FieldMapping microseconds(const char *field, const char *from)
{
    return {.field = field, .from = from, .unit = TimeUnit::Microseconds};
}

FieldMapping number(const char *field, const char *from, const char *exponent)
{
    return {.field = field, .from = from, .exponent = exponent};
}

FieldMapping levels(const char *side)
{
    return {.field = side,
            .from = side,
            .price = "price",
            .quantity = "qty",
            .priceExponent = "priceExponent",
            .quantityExponent = "qtyExponent"};
}

} // namespace

const RecordMappings &binanceMappings()
{
    static const RecordMappings mappings{
        {.message = "TradesStreamEvent",
         .record = &schemaOf<Trade>(),
         .rows = "trades",
         .fields = {{.field = "symbol", .from = "symbol"},
                    microseconds("ts_event", "transactTime"), // when it was made, not when it was told
                    {.field = "trade_id", .from = "trades.id"},
                    number("price", "trades.price", "priceExponent"),
                    number("quantity", "trades.qty", "qtyExponent"),
                    // The maker bought, so the taker sold.
                    {.field = "side",
                     .from = "trades.isBuyerMaker",
                     .words = {{"sell", "True"}, {"buy", "False"}}}}},
        {.message = "BestBidAskStreamEvent",
         .record = &schemaOf<Quote>(),
         .fields = {{.field = "symbol", .from = "symbol"},
                    microseconds("ts_event", "eventTime"),
                    {.field = "update_id", .from = "bookUpdateId"},
                    number("bid_price", "bidPrice", "priceExponent"),
                    number("bid_quantity", "bidQty", "qtyExponent"),
                    number("ask_price", "askPrice", "priceExponent"),
                    number("ask_quantity", "askQty", "qtyExponent")}},
        {.message = "DepthSnapshotStreamEvent",
         .record = &schemaOf<BookSnapshot>(),
         .fields = {{.field = "symbol", .from = "symbol"},
                    microseconds("ts_event", "eventTime"),
                    {.field = "last_update_id", .from = "bookUpdateId"},
                    {.field = "depth", .constant = "20"},
                    levels("bids"),
                    levels("asks")}},
        {.message = "DepthDiffStreamEvent",
         .record = &schemaOf<BookUpdate>(),
         .fields = {{.field = "symbol", .from = "symbol"},
                    microseconds("ts_event", "eventTime"),
                    {.field = "first_update_id", .from = "firstBookUpdateId"},
                    {.field = "last_update_id", .from = "lastBookUpdateId"},
                    levels("bids"),
                    levels("asks")}},
    };
    return mappings;
}

QByteArray binanceSchema()
{
    initializeResource();
    QFile file(QStringLiteral(":/sbe_decoder/binance_stream.xml"));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

} // namespace tidemill::sbe
