// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/records.h>

#include <QStringList>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill::bench {

// The frames of a made-up exchange, always the same ones, as a server sends them: unmasked, on a combined
// connection. They are built beforehand; sending one copies it and writes its ids.
class MarketFrames
{
public:
    virtual ~MarketFrames() = default;

    // Frame 0, 1, 2 ... with its WebSocket header.
    virtual void append(std::string &out, qint64 index) const = 0;
    // The answer to a request for the book of that symbol.
    virtual std::string snapshot(std::string_view symbol) const;
};

// Times of frames: fixed ones in milliseconds, or the clock's in microseconds when the frame is built for
// sending.
enum class Stamps { Fixed, Now };

// Trades of 50 symbols in turn, ids consecutive for each.
class TradeFrames final : public MarketFrames
{
public:
    static constexpr int symbolCount = 50;

    explicit TradeFrames(Stamps stamps = Stamps::Fixed);

    static QStringList symbols();

    // What trades add up to.
    struct Sums
    {
        quint64 rows = 0;
        quint64 ids = 0;
        quint64 prices = 0;     // mantissas
        quint64 quantities = 0; // mantissas

        void add(std::span<const Trade> trades)
        {
            rows += trades.size();
            for (const Trade &trade : trades) {
                ids += quint64(trade.trade_id);
                prices += quint64(trade.price.mantissa);
                quantities += quint64(trade.quantity.mantissa);
            }
        }
        friend bool operator==(const Sums &, const Sums &) = default;
    };
    Sums sums(qint64 frames) const; // of the first `frames` frames

    void append(std::string &out, qint64 index) const override;

private:
    struct Template
    {
        std::string frame{};
        std::size_t idAt = 0;
        std::size_t eventTimeAt = 0;
        std::size_t tradeTimeAt = 0;
        quint64 price = 0;
        quint64 quantity = 0;
    };

    const Template &templateOf(qint64 index) const;

    Stamps m_stamps;
    std::vector<Template> m_templates;
};

// Changes of 10 + 10 levels of the books of 10 symbols in turn; each continues the one before, the first the
// snapshot. No book is ever crossed or has a side without levels.
class DepthFrames final : public MarketFrames
{
public:
    static constexpr int symbolCount = 10;
    static constexpr int levels = 10;       // a side, of an update
    static constexpr int bookLevels = 1000; // a side, of the snapshot
    static constexpr qint64 idsPerUpdate = 5;

    DepthFrames();

    static QStringList symbols();
    // The last update id of a frame.
    static qint64 lastId(qint64 index) { return firstId + (index / symbolCount + 1) * idsPerUpdate; }

    void append(std::string &out, qint64 index) const override;
    // Stands at the first frame of its symbol.
    std::string snapshot(std::string_view symbol) const override;

private:
    static constexpr qint64 firstId = 70'000'000'000;

    struct Template
    {
        std::string frame{};
        std::size_t firstIdAt = 0;
        std::size_t lastIdAt = 0;
    };

    std::vector<Template> m_templates;
};

} // namespace tidemill::bench
