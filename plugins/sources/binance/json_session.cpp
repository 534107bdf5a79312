// SPDX-License-Identifier: Apache-2.0
#include "json_session.h"

namespace tidemill::binance {

bool isNewest(net::FeedLink &link, net::FeedSource &source, StreamState &stream, qint64 number,
              Timestamp happened, Timestamp received)
{
    // Numbers do not follow each other, so nothing else tells that there was time away.
    if (std::exchange(source.stream(stream.id).interrupted, false))
        source.addGap(stream.id, GapCause::Disconnect, happened, received, "not connected");
    if (!source.heard(link, stream.id, happened, received))
        return false;
    if (number <= stream.lastNumber) {
        if (number == stream.lastNumber)
            source.countRepeat();
        else
            source.countLate();
        return false;
    }
    stream.lastNumber = number;
    return true;
}

void JsonSession::receive(const net::Frames &frames)
{
    for (const net::Frame &frame : frames) {
        const auto decoded = m_decoder.decode(frame.payload, frames.received());
        if (!decoded)
            m_source.rejectFrame(decoded.error(), frame.payload);
        else if (decoded->kind != Decoded::Kind::Data)
            handle(*decoded, frames.received());
    }
    m_source.flush();
}

void JsonSession::take(StreamState &stream, const Trade &trade)
{
    if (m_source.heard(link(), stream.id, trade.ts_event, trade.ts_recv))
        m_source.add(stream.id, trade);
}

void JsonSession::take(StreamState &stream, const AggTrade &trade)
{
    if (m_source.heard(link(), stream.id, trade.ts_event, trade.ts_recv))
        m_source.add(stream.id, trade);
}

void JsonSession::take(StreamState &stream, const Candle &candle)
{
    const Timestamp before = m_source.stream(stream.id).lastReceived;
    if (!m_source.heard(link(), stream.id, candle.ts_event, candle.ts_recv))
        return;
    if (m_candles.take(stream, candle, before))
        m_source.out().add(candle);
    else
        m_source.countLate();
}

void JsonSession::take(StreamState &stream, const Quote &quote)
{
    if (isNewest(link(), m_source, stream, quote.update_id, {}, quote.ts_recv))
        m_source.out().add(quote);
}

void JsonSession::take(StreamState &stream, const Ticker &ticker)
{
    if (isNewest(link(), m_source, stream, ticker.sequence, ticker.ts_event, ticker.ts_recv))
        m_source.out().add(ticker);
}

void JsonSession::take(StreamState &stream, const DepthEvent &event)
{
    if (!m_source.heard(link(), stream.id, event.header.ts_event, event.header.ts_recv))
        return;
    if (!stream.book->update(event, m_source.out()))
        m_source.countRepeat();
    else if (stream.book->wantsSnapshot())
        m_books.request(stream.id);
}

void JsonSession::take(StreamState &stream, const BookSnapshot &book, std::span<const Level> bids,
                       std::span<const Level> asks)
{
    if (isNewest(link(), m_source, stream, book.last_update_id, {}, book.ts_recv))
        m_source.out().add(book, bids, asks);
}

} // namespace tidemill::binance
