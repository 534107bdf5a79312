// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "book_sync.h"

#include <tidemill/node.h>

#include <deque>
#include <optional>
#include <unordered_map>

namespace tidemill::binance {

enum class StreamKind { Trade, AggTrade, Kline, BookTicker, Depth, PartialDepth };

// What the text behind the symbol asks for: "trade", "kline_1m", "depth@100ms", "depth20".
struct StreamSpec
{
    StreamKind kind = StreamKind::Trade;
    QByteArray suffix;
    QByteArray interval; // of candles
    int depth = 0;       // of partial books: 5, 10 or 20
};

// The message says what is possible.
Result<StreamSpec> parseStreamSuffix(const QString &suffix);

// One subscribed stream, and what is known of its continuity. Ids of trades are consecutive; depth events
// tell where they follow on; the other streams have no ids that must follow each other.
struct StreamState
{
    StreamSpec spec;
    Symbol symbol;   // as in payloads: BTCUSDT
    Symbol stream;   // the suffix, for gaps and health
    QByteArray name; // as in subscriptions: btcusdt@trade
    Source::Stream health;
    qint64 lastId = 0;              // 0: none yet
    Timestamp lastReceived;         // null: none yet
    bool resuming = false;          // a connection was lost and nothing has come since
    std::unique_ptr<BookSync> book; // depth streams only
};

// All streams of a source. Addresses of its elements hold for its life.
class Streams
{
public:
    // Adds symbol x suffix; the symbol in the exchange's own upper-case spelling.
    StreamState &add(const QString &symbol, const StreamSpec &spec);

    StreamState *findByName(std::string_view name);
    // For frames that do not say which stream they belong to: by their own type and symbol.
    StreamState *findByType(StreamKind kind, std::string_view symbol, std::string_view interval = {});
    // The only one of that kind; nullptr if there are more or none.
    StreamState *findOnly(StreamKind kind);

    std::deque<StreamState> &all() { return m_streams; }
    QList<QByteArray> names() const;

private:
    std::deque<StreamState> m_streams;
    std::unordered_map<std::string_view, StreamState *> m_byName; // views into StreamState::name
};

} // namespace tidemill::binance
