// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "book_sync.h"
#include "candle_fill.h"

#include <tidemill/result.h>

#include <QHash>

#include <deque>
#include <memory>
#include <unordered_map>

namespace tidemill::binance {

enum class StreamKind { Trade, AggTrade, Kline, BookTicker, Depth, PartialDepth, Ticker, MiniTicker };

// The exchange's two ways to say the same: JSON texts, or binary frames by SBE schema 1.
enum class Format { Json, Sbe };

// What the text behind the symbol asks for: "trade", "kline_1m", "depth@100ms", "depth20".
struct StreamSpec
{
    StreamKind kind = StreamKind::Trade;
    QByteArray suffix;
    QByteArray interval;    // of candles
    bool isEastern = false; // candles of days as UTC+8 has them
    int depth = 0;          // of partial books: 5, 10 or 20
};

// The message says what is possible.
Result<StreamSpec> parseStreamSuffix(const QString &suffix, Format format = Format::Json);

// One stream, and what is known of it beyond what all sources' streams have. Outlives connections.
struct StreamState
{
    int id = 0; // as the feed knows it
    StreamSpec spec;
    Symbol symbol;   // as in payloads: BTCUSDT
    Symbol stream;   // the suffix, for records and health
    QByteArray name; // as in subscriptions: btcusdt@trade
    // Of quotes, tickers and whole books, by the exchange's count: what is older does not replace what is
    // newer.
    qint64 lastNumber = 0;
    Timestamp lastEvent;                 // of changes of books in SBE: when, by the exchange's clock
    std::unique_ptr<BookSync> book;      // depth streams, in JSON
    std::unique_ptr<CandleFill> candles; // of candles
};

// All streams of a source, in the order in which they were added. Addresses hold for its life.
class Streams
{
public:
    // Adds symbol x suffix; the symbol in the exchange's own upper-case spelling. Ids rise from 0, as those
    // of net::FeedSource do.
    StreamState &add(const QString &symbol, const StreamSpec &spec);
    // Frames of it are not found any more; it may be added again, under a new id.
    void remove(int id);

    StreamState &operator[](int id) { return m_streams[std::size_t(id)]; }
    StreamState *findByName(std::string_view name);
    // For frames that do not say which stream they belong to: by their own type and symbol.
    StreamState *findByType(StreamKind kind, std::string_view symbol, std::string_view interval = {});
    // The only one of that kind; nullptr if there are more or none.
    StreamState *findOnly(StreamKind kind);

    std::deque<StreamState> &all() { return m_streams; }

private:
    static quint64 typeKey(StreamKind kind, Symbol symbol)
    {
        return quint64(symbol.id()) << 8 | quint64(kind);
    }
    bool isWanted(const StreamState &state) const;

    std::deque<StreamState> m_streams;
    std::unordered_map<std::string_view, StreamState *> m_byName; // views into StreamState::name
    QMultiHash<quint64, StreamState *> m_byType;
};

} // namespace tidemill::binance
