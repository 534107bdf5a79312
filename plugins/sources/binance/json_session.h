// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "book_snapshots.h"
#include "candle_backfill.h"
#include "control_session.h"

namespace tidemill::binance {

// Binance's JSON streams on one connection. Everything has numbers or times of its own, so of several
// connections that carry a stream whatever comes first is taken.
class JsonSession final : public ControlSession, private Receiver
{
public:
    JsonSession(net::FeedLink &link, net::FeedSource &source, Streams &streams, BookSnapshots &books,
                CandleBackfill &candles)
        : ControlSession(link)
        , m_source(source)
        , m_books(books)
        , m_candles(candles)
        , m_decoder(streams, *this)
    {}

    void receive(const net::Frames &frames) override;

private:
    void take(StreamState &stream, const Trade &trade) override;
    void take(StreamState &stream, const AggTrade &trade) override;
    void take(StreamState &stream, const Candle &candle) override;
    void take(StreamState &stream, const Quote &quote) override;
    void take(StreamState &stream, const Ticker &ticker) override;
    void take(StreamState &stream, const DepthEvent &event) override;
    void take(StreamState &stream, const BookSnapshot &book, std::span<const Level> bids,
              std::span<const Level> asks) override;

    net::FeedSource &m_source;
    BookSnapshots &m_books;
    CandleBackfill &m_candles;
    Decoder m_decoder;
};

// For a record that replaces the ones before: notes that the stream was heard of, and says whether this one,
// with the exchange's number of it, is newer than all that were taken.
bool isNewest(net::FeedLink &link, net::FeedSource &source, StreamState &stream, qint64 number,
              Timestamp happened, Timestamp received);

} // namespace tidemill::binance
