// SPDX-License-Identifier: Apache-2.0
#include "../../plugins/sources/coinbase_advanced/session.h"
#include "../../plugins/sources/coinbase_exchange/session.h"
#include "../../plugins/sources/kraken/session.h"
#include "decoder.h"
#include "market_frames.h"
#include "measurement.h"
#include "source_frames.h"
#include "usage.h"

#include <tidemill/net/testing.h>

namespace tidemill::bench {

namespace {

namespace ondemand = simdjson::ondemand;

// --- the sources' sessions, without a connection around them

// Takes what a session says to its connection, and keeps none of it.
class IdleLink final : public net::FeedLink
{
public:
    bool send(const QByteArray &) override { return true; }
    void confirm(const QList<int> &) override {}
    void refuse(int, const Error &) override {}
    void heard(int, Timestamp) override {}
    void heardPeer(Timestamp) override {}
    void recycle(const QString &) override {}
    void rotate(const QString &) override {}
    bool isLeader() const override { return true; }
    qint64 number() const override { return 1; }
};

// What came out: how many rows, their numbers added up, and levels of books.
struct Sums
{
    quint64 rows = 0;
    quint64 numbers = 0;
    quint64 levels = 0;

    void add(const BatchPtr &batch)
    {
        rows += quint64(batch->rowCount());
        for (const Trade &trade : batch->rows<Trade>())
            numbers += quint64(trade.trade_id);
        for (const Ticker &ticker : batch->rows<Ticker>())
            numbers += quint64(ticker.sequence);
        for (const BookUpdate &update : batch->rows<BookUpdate>()) {
            numbers += quint64(update.last_update_id);
            levels += batch->levels(update.bids).size() + batch->levels(update.asks).size();
        }
        for (const BookSnapshot &book : batch->rows<BookSnapshot>())
            levels += batch->levels(book.bids).size() + batch->levels(book.asks).size();
    }
};

struct Market
{
    explicit Market(const char *exchange) : source(exchange)
    {
        QObject::connect(&source, &Source::emitted, &source,
                         [this](const BatchPtr &batch) { sums.add(batch); });
    }
    Sums sums;
    net::BareSource source;
    IdleLink link;
};

using Numbers = net::FeedSource::Numbers;

// --- runs

constexpr qint64 framesOfRead = 64;
constexpr qint64 framesOfBlock = 20 * framesOfRead;

// Gives `decode` frames in reads of 64; the time of the decoding alone, a frame. `append(text, index)` writes
// one.
template<typename Append, typename Decode>
double nsPerFrame(qint64 blocks, Append append, Decode decode)
{
    std::string block;
    std::vector<net::Frame> frames;
    qint64 spent = 0;
    qint64 next = 0;
    for (qint64 i = 0; i < blocks; ++i) {
        block.clear();
        std::vector<std::size_t> starts;
        for (qint64 frame = 0; frame < framesOfBlock; ++frame) {
            starts.push_back(block.size());
            append(block, next++);
        }
        starts.push_back(block.size());
        block.append(simdjson::SIMDJSON_PADDING, '\0');
        frames.clear();
        for (std::size_t frame = 0; frame < std::size_t(framesOfBlock); ++frame)
            frames.push_back(
                {.payload = {block.data() + starts[frame], qsizetype(starts[frame + 1] - starts[frame])}});
        const qint64 start = threadCpuNs();
        for (std::size_t at = 0; at < frames.size(); at += framesOfRead)
            decode(net::Frames(std::span(frames).subspan(at, framesOfRead), {1'772'442'918'000'000'000}));
        spent += threadCpuNs() - start;
    }
    return double(spent) / double(next);
}

Result<Figures> judged(double figure, bool isRight, const Sums &sums)
{
    if (!isRight)
        return broken(QStringLiteral("%1 rows with numbers that add up to %2, and %3 levels")
                          .arg(sums.rows)
                          .arg(sums.numbers)
                          .arg(sums.levels));
    return Figures{{"", figure}};
}

// Walks everything in a frame with simdjson alone, and touches each value as it was sent: texts and numbers
// are neither copied nor converted.
quint64 walk(ondemand::value value)
{
    quint64 bytes = 0;
    ondemand::object object;
    ondemand::array array;
    switch (value.type().value_unsafe()) {
    case ondemand::json_type::object:
        if (value.get_object().get(object) == simdjson::SUCCESS) {
            for (auto field : object)
                bytes += walk(field.value().value_unsafe());
        }
        return bytes;
    case ondemand::json_type::array:
        if (value.get_array().get(array) == simdjson::SUCCESS) {
            for (auto element : array)
                bytes += walk(element.value_unsafe());
        }
        return bytes;
    default:
        return value.raw_json_token().size();
    }
}

class Walker
{
public:
    void take(const net::Frames &frames)
    {
        for (const net::Frame &frame : frames) {
            ondemand::document document;
            ondemand::value root;
            const std::size_t size = std::size_t(frame.payload.size());
            if (m_parser.iterate(frame.payload.data(), size, size + simdjson::SIMDJSON_PADDING)
                        .get(document) == simdjson::SUCCESS &&
                document.get_value().get(root) == simdjson::SUCCESS)
                m_bytes += walk(root);
        }
    }
    Result<Figures> result(double figure) const
    {
        return m_bytes > 0 ? Result<Figures>(Figures{{"", figure}})
                           : broken(QStringLiteral("nothing was read"));
    }

private:
    ondemand::parser m_parser;
    quint64 m_bytes = 0;
};

template<typename Append>
Result<Figures> walked(qint64 blocks, Append append)
{
    Walker walker;
    const double ns =
        nsPerFrame(blocks, append, [&walker](const net::Frames &frames) { walker.take(frames); });
    return walker.result(ns);
}

// --- Coinbase Exchange: tickers

Result<Figures> tickerCandidate(const Extent &extent)
{
    using namespace coinbase_exchange;
    Market market("coinbase_exchange");
    Streams streams;
    for (int i = 0; i < frameProducts; ++i) {
        const Symbol product(productName(i, '-'));
        market.source.addStream(product, "ticker"_sym, product.name().toByteArray() + " ticker",
                                Numbers::None);
        streams.add(Channel::Ticker, product);
    }
    Session session(market.link, market.source, streams);
    const qint64 blocks = extent.of(500);
    const double ns = nsPerFrame(blocks, appendTicker, [&](const net::Frames &f) { session.receive(f); });
    const quint64 frames = quint64(blocks * framesOfBlock);
    return judged(ns, market.sums.rows == frames && market.sums.numbers == sumOfIds(frames), market.sums);
}

// --- Kraken: trades

Result<Figures> tradeCandidate(const Extent &extent)
{
    using namespace kraken;
    Market market("kraken");
    Streams streams;
    const auto spec = parseStreamName(QStringLiteral("trade"));
    for (int i = 0; i < frameProducts; ++i) {
        const Symbol symbol(productName(i, '/'));
        market.source.addStream(symbol, "trade"_sym, symbol.name().toByteArray() + " trade", Numbers::Trades);
        streams.add(symbol, *spec);
    }
    Session session(market.link, market.source, streams, Counter());
    const qint64 blocks = extent.of(500);
    const double ns = nsPerFrame(blocks, appendTrade, [&](const net::Frames &f) { session.receive(f); });
    const quint64 frames = quint64(blocks * framesOfBlock);
    return judged(ns, market.sums.rows == frames && market.sums.numbers == sumOfTradeIds(frames),
                  market.sums);
}

// --- Binance: changes of kept books

class BookReceiver final : public binance::Receiver
{
public:
    explicit BookReceiver(RecordsOut &out) : m_out(out) {}

private:
    using Stream = binance::StreamState;
    using Levels = std::span<const Level>;

    void take(Stream &, const Trade &) override {}
    void take(Stream &, const AggTrade &) override {}
    void take(Stream &, const Candle &) override {}
    void take(Stream &, const Quote &) override {}
    void take(Stream &, const Ticker &) override {}
    void take(Stream &stream, const binance::DepthEvent &event) override
    {
        stream.book->update(event, m_out);
    }
    void take(Stream &, const BookSnapshot &, Levels, Levels) override {}

    RecordsOut &m_out;
};

// Without the four bytes of a WebSocket header.
struct DepthPayloads
{
    DepthFrames frames;

    void operator()(std::string &out, qint64 index) const
    {
        const std::size_t at = out.size();
        frames.append(out, index);
        out.erase(at, 4);
    }
};

Result<Figures> depthCandidate(const Extent &extent)
{
    using namespace binance;
    const DepthPayloads payloads;
    Sums sums;
    RecordsOut out([&sums](const BatchPtr &batch) { sums.add(batch); });
    Streams streams;
    const auto spec = parseStreamSuffix(QStringLiteral("depth@100ms"));
    for (const QString &symbol : DepthFrames::symbols()) {
        StreamState &state = streams.add(symbol, *spec);
        state.book = std::make_unique<BookSync>(state.symbol, state.stream, true);
    }
    BookReceiver receiver(out);
    Decoder decoder(streams, receiver);
    bool isSynced = false;
    const auto decode = [&](const net::Frames &frames) {
        for (const net::Frame &frame : frames)
            (void)decoder.decode(frame.payload, frames.received());
        if (!std::exchange(isSynced, true)) { // all books have a change by now, and so can be joined
            for (StreamState &state : streams.all()) {
                const simdjson::padded_string body(payloads.frames.snapshot(
                    {state.symbol.name().data(), std::size_t(state.symbol.name().size())}));
                ondemand::parser parser;
                ondemand::document document;
                ondemand::object object;
                BookSides book;
                if (parser.iterate(body).get(document) == simdjson::SUCCESS &&
                    document.get_object().get(object) == simdjson::SUCCESS && readBook(object, book))
                    state.book->snapshot({.last_update_id = book.lastUpdateId}, book.bids, book.asks, out);
            }
        }
        out.flush();
    };
    const qint64 blocks = extent.of(150);
    const double ns = nsPerFrame(blocks, payloads, decode);
    const quint64 frames = quint64(blocks * framesOfBlock);
    quint64 ids = 0;
    for (quint64 i = 0; i < frames; ++i)
        ids += quint64(DepthFrames::lastId(qint64(i)));
    bool isRight = sums.numbers == ids && sums.rows == frames + DepthFrames::symbolCount;
    for (const StreamState &state : streams.all())
        isRight = isRight && state.book->isSynced() && !state.book->book().isEmpty();
    return judged(ns, isRight, sums);
}

// --- Coinbase Advanced: a whole book in one frame

template<typename Take>
double msPerSnapshot(qint64 count, Take take)
{
    std::string frame = bookSnapshot();
    frame.append(simdjson::SIMDJSON_PADDING, '\0');
    qint64 spent = 0;
    for (qint64 i = 0; i < count; ++i) {
        setSequence(frame, i);
        const net::Frame one{.payload = {frame.data(), qsizetype(frame.size() - simdjson::SIMDJSON_PADDING)}};
        const qint64 start = threadCpuNs();
        take(net::Frames({&one, 1}, {1'772'442'918'000'000'000}));
        spent += threadCpuNs() - start;
    }
    return double(spent) / double(count) / 1e6;
}

Result<Figures> snapshotCandidate(const Extent &extent)
{
    using namespace coinbase_advanced;
    Market market("coinbase_advanced");
    Streams streams;
    CandleMetrics metrics;
    market.source.addStream("BTC-USD"_sym, "level2"_sym, "BTC-USD level2", Numbers::None);
    streams.add(Channel::Level2, "BTC-USD"_sym);
    Session session(market.link, market.source, streams, metrics, nullptr);
    const qint64 count = extent.of(50);
    const double ms = msPerSnapshot(count, [&](const net::Frames &frames) { session.receive(frames); });
    auto figures = judged(ms, market.sums.levels == quint64(count) * snapshotLevels, market.sums);
    if (!figures)
        return figures;
    return *figures + Figures{{"memory", memoryMb("VmHWM")}};
}

Result<Figures> snapshotFloor(const Extent &extent)
{
    Walker walker;
    const double ms = msPerSnapshot(extent.of(50), [&](const net::Frames &frames) { walker.take(frames); });
    auto figures = walker.result(ms);
    if (!figures)
        return figures;
    return *figures + Figures{{"memory", memoryMb("VmHWM")}};
}

} // namespace

std::vector<Bench> sourceBenches()
{
    return {
        {"coinbase_ticker",
         "a Coinbase Exchange ticker frame from memory to a row",
         {{"", "ns CPU"}},
         tickerCandidate,
         [](const Extent &extent) { return walked(extent.of(500), appendTicker); }},
        {"kraken_trade",
         "a Kraken trade frame from memory to a row",
         {{"", "ns CPU"}},
         tradeCandidate,
         [](const Extent &extent) { return walked(extent.of(500), appendTrade); }},
        {"binance_depth",
         "a Binance depth frame of 10 + 10 levels from memory into a kept book, and to a row",
         {{"", "ns CPU"}},
         depthCandidate,
         [](const Extent &extent) { return walked(extent.of(150), DepthPayloads()); }},
        {"advanced_snapshot",
         "a Coinbase Advanced book of 46,000 levels in a frame of 5 MB, from memory to a row",
         {{"", "ms CPU"}, {"memory", "MB"}},
         snapshotCandidate,
         snapshotFloor},
    };
}

} // namespace tidemill::bench
