// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "market_data.h"
#include "market_rows.h"

#include <functional>

namespace tidemill::exchange {

// Turns what happens in a simulated market into the frames of one protocol. What it prints depends on the
// market and on nothing else, so that a second one over a second run of the market prints the same again.
class FramePrinter : public MarketListener
{
public:
    using Sink = std::function<void(const StreamFrame &)>;

    void setSink(Sink sink) { m_sink = std::move(sink); }
    // For frames that look back; without it there are none of these.
    void setRows(const MarketRows *rows) { m_rows = rows; }
    virtual void setDemand(const QSet<QByteArray> &streams) { m_demand = streams; }
    virtual void setMicroseconds(bool) {}

    // What a new subscriber of `channel` gets first.
    virtual QByteArrayList greeting(const SimulatedSymbol &, const QByteArray & /*channel*/) { return {}; }
    // The stream that has all trades ("trade") or every change of the book ("depth") of a symbol.
    virtual QByteArray truthStream(const QByteArray &kind, const QByteArray &symbol) const = 0;

    void traded(const SimulatedSymbol &, const TradeRow &) override {}
    void aggregated(const SimulatedSymbol &, const AggTradeRow &) override {}
    void bestChanged(const SimulatedSymbol &) override {}
    void depthDue(SimulatedSymbol &, bool) override {}
    void candleDue(const SimulatedSymbol &, std::size_t, const CandleRow &, bool) override {}

protected:
    const MarketRows *rows() const { return m_rows; }
    bool wants(const QByteArray &stream) const { return m_demand.contains(stream); }
    void publish(const StreamFrame &frame) { m_sink(frame); }
    void publish(const QByteArray &stream, const QByteArray &payload) { m_sink({stream, payload, {}, {}}); }

private:
    Sink m_sink = [](const StreamFrame &) {};
    const MarketRows *m_rows = nullptr;
    QSet<QByteArray> m_demand;
};

} // namespace tidemill::exchange
