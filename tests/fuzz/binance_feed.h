// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fuzz.h"
#include "rest_decoder.h"
#include "sbe_peek.h"

#include <tidemill/json.h>

namespace tidemill::fuzz {

using namespace tidemill::binance;

// A decoder with one stream of each kind, what it gave out, and the rules that this must keep to.
class Feed final : public Receiver
{
public:
    explicit Feed(char behind) : m_behind(behind)
    {
        for (const char *suffix : {"trade", "aggTrade", "bookTicker", "kline_1m", "depth@100ms", "depth5",
                                   "ticker", "miniTicker"}) {
            StreamState &state =
                m_streams.add(QStringLiteral("BTCUSDT"), *parseStreamSuffix(QLatin1String(suffix)));
            if (state.spec.kind == StreamKind::Depth) {
                m_depth = &state;
                state.book = std::make_unique<BookSync>(state.symbol, state.stream, true);
            }
        }
    }

    void take(QByteArrayView line)
    {
        m_now.ns += 1'000'000'000; // so that what is held back for too long goes out at last
        const qsizetype before = m_printed.size();
        if (line == QByteArrayView("lost")) {
            m_depth->book->disconnected(m_out);
        } else if (line.startsWith("rest ")) {
            if (const auto book = decodeDepth(line.sliced(5).toByteArray()))
                m_depth->book->snapshot({.ts_recv = m_now, .last_update_id = book->lastUpdateId}, book->bids,
                                        book->asks, m_out);
        } else if (line.startsWith("rows ")) {
            takeRows(line.sliced(5).toByteArray());
        } else if (line.startsWith("hex ")) {
            peek(QByteArray::fromHex(line.sliced(4).toByteArray()));
        } else {
            const QByteArray padded = line.toByteArray() + QByteArray(simdjson::SIMDJSON_PADDING, m_behind);
            const auto decoded = m_decoder.decode(QByteArrayView(padded).first(line.size()), m_now);
            m_out.flush();
            require((decoded && decoded->kind == Decoded::Kind::Data) || m_printed.size() == before,
                    "only a frame with data becomes records");
        }
        m_out.flush();
    }

    const QByteArray &printed() const { return m_printed; }

private:
    using Levels = std::span<const Level>;

    void take(StreamState &, const Trade &trade) override { m_out.add(trade); }
    void take(StreamState &, const AggTrade &trade) override { m_out.add(trade); }
    void take(StreamState &, const Candle &candle) override { m_out.add(candle); }
    void take(StreamState &, const Quote &quote) override { m_out.add(quote); }
    void take(StreamState &, const Ticker &ticker) override { m_out.add(ticker); }
    void take(StreamState &stream, const DepthEvent &event) override { stream.book->update(event, m_out); }
    void take(StreamState &, const BookSnapshot &book, Levels bids, Levels asks) override
    {
        m_out.add(book, bids, asks);
    }

    // An answer of REST with a list, whatever it may be of.
    void takeRows(const QByteArray &body)
    {
        const Symbol symbol("BTCUSDT");
        m_printed += QByteArray::number(decodeTrades(body, symbol).has_value()) +
                     QByteArray::number(decodeAggTrades(body, symbol).has_value()) +
                     QByteArray::number(decodeCandles(body, symbol, Symbol("1m")).has_value()) + '\n';
    }

    void peek(const QByteArray &frame)
    {
        const auto peek = SbePeek::read(frame);
        if (!peek)
            return;
        for (qsizetype i = 0; i < std::min<qsizetype>(peek->tradeCount(), 1000); ++i) {
            Trade trade;
            peek->readTrade(i, trade);
            require(trade.trade_id == peek->tradeId(i), "a trade is read where its id is");
        }
        m_printed += QByteArray(peek->symbol().data(), qsizetype(peek->symbol().size())) + '\n';
    }

    void print(const BatchPtr &batch)
    {
        for (qsizetype row = 0; row < batch->rowCount(); ++row)
            appendJson(m_printed, *batch, row).append('\n');
        for (const Gap &gap : batch->rows<Gap>())
            m_continues = m_continues && gap.stream != m_depth->stream;
        for (const BookSnapshot &snapshot : batch->rows<BookSnapshot>()) {
            if (snapshot.depth == 0) // the one joined with the depth stream
                m_last = snapshot.last_update_id;
            m_continues = m_continues || snapshot.depth == 0;
        }
        for (const BookUpdate &update : batch->rows<BookUpdate>()) {
            require(!m_continues || update.first_update_id <= m_last || update.first_update_id == m_last + 1,
                    "an update continues the one before");
            m_last = std::max(m_last, update.last_update_id);
        }
    }

    Streams m_streams;
    RecordsOut m_out{[this](const BatchPtr &batch) { print(batch); }};
    Decoder m_decoder{m_streams, *this};
    StreamState *m_depth = nullptr;
    char m_behind;
    Timestamp m_now = Timestamp::fromSeconds(1772442918);
    QByteArray m_printed;
    bool m_continues = false; // there was a snapshot, and no gap since
    qint64 m_last = 0;
};

} // namespace tidemill::fuzz
