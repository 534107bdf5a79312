// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "decoder.h"
#include "fuzz.h"

#include <tidemill/json.h>

namespace tidemill::fuzz {

using namespace tidemill::binance;

// A decoder with one stream of each kind, what it gave out, and the rules that this must keep to.
class Feed
{
public:
    explicit Feed(char behind) : m_behind(behind)
    {
        for (const char *suffix : {"trade", "aggTrade", "bookTicker", "kline_1m", "depth@100ms", "depth5"}) {
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
            m_decoder.disconnected();
        } else if (line.startsWith("rest ")) {
            const auto id = m_decoder.decodeDepth(line.sliced(5));
            if (id)
                m_depth->book->snapshot({.ts_recv = m_now, .last_update_id = *id}, m_decoder.bids(),
                                        m_decoder.asks(), m_out);
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
    Decoder m_decoder{m_streams, m_out};
    StreamState *m_depth = nullptr;
    char m_behind;
    Timestamp m_now = Timestamp::fromSeconds(1772442918);
    QByteArray m_printed;
    bool m_continues = false; // there was a snapshot, and no gap since
    qint64 m_last = 0;
};

} // namespace tidemill::fuzz
