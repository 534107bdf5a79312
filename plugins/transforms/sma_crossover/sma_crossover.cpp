// SPDX-License-Identifier: Apache-2.0
#include "moving_averages.h"
#include "state_file.h"

#include <tidemill/plugin.h>

#include <QDir>
#include <QHash>
#include <QTimer>

using namespace tidemill;

Q_LOGGING_CATEGORY(lcCrossover, TIDEMILL_LOG_CATEGORY)

namespace {

enum class OnGap { Reset, Keep };

// What the strategy needs to know of a record that has a price.
struct Tick
{
    Symbol exchange;
    Symbol symbol;
    Timestamp ts_event;
    Timestamp ts_recv;
    qint64 updateId;
    Decimal price;
    Provenance provenance;

    Timestamp at() const { return ts_event.isNull() ? ts_recv : ts_event; }
};

Tick tickOf(const Wap &wap)
{
    return {wap.exchange, wap.symbol, wap.ts_event, wap.ts_recv, wap.update_id, wap.price, wap.provenance};
}

Tick tickOf(const Trade &trade)
{
    return {trade.exchange, trade.symbol, trade.ts_event,  trade.ts_recv,
            trade.trade_id, trade.price,  trade.provenance};
}

Tick tickOf(const Candle &candle)
{
    return {candle.exchange, candle.symbol,    candle.ts_event, candle.ts_recv, candle.ts_open.ns / 1'000'000,
            candle.close,    candle.provenance};
}

bool isFinal(const Candle &candle)
{
    return candle.closed;
}

bool isFinal(const auto &)
{
    return true;
}

QString textOf(const Decimal &number)
{
    return QString::fromLatin1(number.toString());
}

} // namespace

// Opens a paper order where the short moving average rises through the long one and closes it where it falls
// back.
class SmaCrossover final : public Transform
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {
            Option("short", m_short, "Prices in the short average.")
                .atLeast(1)
                .atMost(MovingAverages::maxLength),
            Option("long", m_long, "Prices in the long average.")
                .atLeast(2)
                .atMost(MovingAverages::maxLength),
            Option(
                "on_gap", m_onGap,
                "What a gap in the data does: the averages start anew, or go on as if nothing were missing.",
                {QStringLiteral("reset"), QStringLiteral("keep")}),
            Option("resume", m_resume, "Go on after a restart with the averages and orders of before."),
        };
    }

    OptionErrors validate() override;
    Result<> start() override;
    void stop() override;

protected:
    void process(const BatchPtr &batch) override
    {
        if (batch->is<Wap>())
            takeAll<Wap>(batch);
        else if (batch->is<Trade>())
            takeAll<Trade>(batch);
        else if (batch->is<Candle>())
            takeAll<Candle>(batch);
        else if (batch->is<Gap>() && m_onGap == OnGap::Reset)
            startAnew(batch);
    }

private:
    struct Market
    {
        MovingAverages averages;
        qint64 lastUpdateId = 0;
        std::optional<crossover::OpenOrder> order;
        bool resumed = false; // no price yet since the restart
    };

    using Markets = QHash<std::pair<Symbol, Symbol>, Market>;

    template<Record T>
    void takeAll(const BatchPtr &batch);
    void take(const Tick &tick, BatchBuilder<Signal> &signalsMade, BatchBuilder<Order> &ordersMade);
    bool isUsable(const Tick &tick, const Market &market);
    void dropStaleWindow(const Tick &tick, Market &market);
    void startAnew(const BatchPtr &gaps);
    void decide(SignalAction action, const Tick &tick, Market &market, BatchBuilder<Signal> &signalsMade,
                BatchBuilder<Order> &ordersMade);
    QString statePath() const;
    void loadState();
    void saveState();

    int m_short = 50;
    int m_long = 200;
    OnGap m_onGap = OnGap::Reset;
    bool m_resume = true;
    bool m_started = false;
    Markets m_markets;
    QTimer m_saveTimer{this};
};

OptionErrors SmaCrossover::validate()
{
    if (m_short < m_long)
        return {};
    // Says it of the option that somebody wrote: the other one may have its default.
    const SmaCrossover defaults;
    if (m_short == defaults.m_short)
        return {{QStringLiteral("long"),
                 QStringLiteral("must be more than short, which is %1, got %2").arg(m_short).arg(m_long),
                 {},
                 {}}};
    return {{QStringLiteral("short"),
             QStringLiteral("must be less than long, which is %1, got %2").arg(m_long).arg(m_short),
             {},
             {}}};
}

Result<> SmaCrossover::start()
{
    m_started = true;
    // An open order is worth more than a window: it is on disk a second later, not only after an orderly end.
    m_saveTimer.setSingleShot(true);
    m_saveTimer.setInterval(std::chrono::seconds(1));
    connect(&m_saveTimer, &QTimer::timeout, this, &SmaCrossover::saveState);
    if (!statePath().isEmpty())
        loadState();
    return {};
}

void SmaCrossover::stop()
{
    if (std::exchange(m_started, false))
        saveState();
}

template<Record T>
void SmaCrossover::takeAll(const BatchPtr &batch)
{
    BatchBuilder<Signal> signalsMade(batch);
    BatchBuilder<Order> ordersMade(batch);
    for (const T &row : batch->rows<T>()) {
        if (isFinal(row))
            take(tickOf(row), signalsMade, ordersMade);
        else
            drop("not_closed", 1);
    }
    if (!signalsMade.isEmpty())
        emit emitted(signalsMade.finish());
    if (!ordersMade.isEmpty())
        emit emitted(ordersMade.finish());
}

void SmaCrossover::take(const Tick &tick, BatchBuilder<Signal> &signalsMade, BatchBuilder<Order> &ordersMade)
{
    auto market = m_markets.find({tick.exchange, tick.symbol});
    if (market == m_markets.end())
        market = m_markets.insert({tick.exchange, tick.symbol},
                                  Market{MovingAverages(m_short, m_long), 0, {}, false});
    if (!isUsable(tick, *market))
        return;
    if (market->resumed)
        dropStaleWindow(tick, *market);

    market->lastUpdateId = tick.updateId;
    market->averages.push({tick.price, tick.at()});
    const auto crossing = market->averages.crossing();
    if (crossing == MovingAverages::Crossing::Above && !market->order)
        decide(SignalAction::Open, tick, *market, signalsMade, ordersMade);
    else if (crossing == MovingAverages::Crossing::Below && market->order)
        decide(SignalAction::Close, tick, *market, signalsMade, ordersMade);
}

bool SmaCrossover::isUsable(const Tick &tick, const Market &market)
{
    // A store keeps the first record of a key only; a second one here would make signals that nobody can
    // recompute.
    if (tick.updateId == market.lastUpdateId && tick.updateId != 0) {
        drop("repeat", 1);
        return false;
    }
    if (tick.price <= Decimal{}) {
        drop("bad_price", 1);
        return false;
    }
    if (!MovingAverages::canTake(tick.price)) {
        reject("price_out_of_range",
               QStringLiteral("expected a price below 10^12 with at most 18 digits behind the point, got %1")
                   .arg(textOf(tick.price)));
        return false;
    }
    return true;
}

// The first price since a restart. The time away is a gap as well, but one that hardly matters when it is
// short beside the time the window spans. Measured by the records' own clock, so that a replay behaves as the
// live feed did.
void SmaCrossover::dropStaleWindow(const Tick &tick, Market &market)
{
    market.resumed = false;
    const MovingAverages &averages = market.averages;
    if (averages.size() == 0)
        return;
    const Timestamp newest = averages.at(averages.size() - 1).at;
    const bool goesBack = tick.at() < newest;
    if (!goesBack && (m_onGap == OnGap::Keep || tick.at() - newest <= newest - averages.at(0).at))
        return;
    market.averages.clear();
    qCInfo(lcCrossover).noquote()
        << QStringLiteral("%1: the averages of before the restart do not fit %2, starting anew")
               .arg(QString::fromUtf8(tick.symbol.name()), QString::fromLatin1(tick.at().toString()));
}

// A gap without a symbol is one of the whole exchange. One that has been filled is none.
void SmaCrossover::startAnew(const BatchPtr &gaps)
{
    for (const Gap &gap : gaps->rows<Gap>()) {
        if (gap.state == GapState::Filled)
            continue;
        for (auto market = m_markets.begin(); market != m_markets.end(); ++market) {
            const auto &[exchange, symbol] = market.key();
            if (exchange == gap.exchange && (symbol == gap.symbol || gap.symbol.isNull()))
                market->averages.clear();
        }
    }
}

void SmaCrossover::decide(SignalAction action, const Tick &tick, Market &market,
                          BatchBuilder<Signal> &signalsMade, BatchBuilder<Order> &ordersMade)
{
    static constexpr QByteArrayView openedText = "Opened on SMA crossover";
    static constexpr QByteArrayView closedText = "Closed on SMA crossover";
    const bool opens = action == SignalAction::Open;
    const Decimal shortAverage = market.averages.shortAverage();
    const Decimal longAverage = market.averages.longAverage();
    qCInfo(lcCrossover).noquote() << QStringLiteral("Signal %1 %2 at %3 (SMA %4 %5 %6 SMA %7 %8)")
                                         .arg(opens ? QStringLiteral("open") : QStringLiteral("close"),
                                              QString::fromUtf8(tick.symbol.name()), textOf(tick.price),
                                              QString::number(m_short), textOf(shortAverage),
                                              opens ? QStringLiteral("above") : QStringLiteral("below"),
                                              QString::number(m_long), textOf(longAverage));
    if (opens)
        market.order = crossover::OpenOrder{tick.updateId, tick.price, tick.at()};

    signalsMade.append({.exchange = tick.exchange,
                        .symbol = tick.symbol,
                        .ts_event = tick.ts_event,
                        .ts_recv = tick.ts_recv,
                        .update_id = tick.updateId,
                        .short_window = m_short,
                        .long_window = m_long,
                        .price = tick.price,
                        .sma_short = shortAverage,
                        .sma_long = longAverage,
                        .details = signalsMade.text(opens ? openedText : closedText),
                        .action = action,
                        .provenance = tick.provenance});
    ordersMade.append(
        {.exchange = tick.exchange,
         .symbol = tick.symbol,
         .ts_event = tick.ts_event,
         .ts_recv = tick.ts_recv,
         .ts_open = market.order->opened,
         .ts_close = opens ? Timestamp{} : tick.at(),
         .order_id = market.order->id,
         .short_window = m_short,
         .long_window = m_long,
         .price = market.order->price,
         .close_price = opens ? Decimal::null() : tick.price,
         .details = ordersMade.text(openedText), // why there is this order; closing it does not change that
         .status = opens ? OrderStatus::Open : OrderStatus::Closed,
         .side = OrderSide::Long,
         .provenance = tick.provenance});

    if (!opens)
        market.order.reset();
    if (!m_saveTimer.isActive() && m_started)
        m_saveTimer.start();
}

// Empty if no state is kept.
QString SmaCrossover::statePath() const
{
    if (!m_resume || context().stateDirectory.isEmpty())
        return {};
    return QDir(context().stateDirectory).filePath(QStringLiteral("sma_crossover.json"));
}

void SmaCrossover::loadState()
{
    const auto state = crossover::readState(statePath());
    if (!state) {
        qCWarning(lcCrossover).noquote() << "starting without the state of before:" << state.error().message;
        return;
    }
    if (state->markets.isEmpty())
        return;
    if (state->shortWindow != m_short || state->longWindow != m_long) {
        qCWarning(lcCrossover).noquote()
            << QStringLiteral("%1: of windows %2 and %3, not %4 and %5; starting without it")
                   .arg(statePath())
                   .arg(state->shortWindow)
                   .arg(state->longWindow)
                   .arg(m_short)
                   .arg(m_long);
        return;
    }
    for (const crossover::SavedMarket &saved : state->markets) {
        Market market{MovingAverages(m_short, m_long), saved.lastUpdateId, saved.order, true};
        for (const MovingAverages::Price &price : saved.prices)
            market.averages.push(price);
        m_markets.insert({Symbol(QByteArrayView(saved.exchange)), Symbol(QByteArrayView(saved.symbol))},
                         market);
    }
}

void SmaCrossover::saveState()
{
    m_saveTimer.stop();
    if (statePath().isEmpty())
        return;
    crossover::SavedState state{m_short, m_long, {}};
    for (auto market = m_markets.cbegin(); market != m_markets.cend(); ++market) {
        const auto &[exchange, symbol] = market.key();
        crossover::SavedMarket saved{exchange.name().toByteArray(),
                                     symbol.name().toByteArray(),
                                     market->lastUpdateId,
                                     {},
                                     market->order};
        for (std::size_t i = 0; i < market->averages.size(); ++i)
            saved.prices.append(market->averages.at(i));
        state.markets.append(saved);
    }
    if (const auto written = crossover::writeState(statePath(), state); !written)
        qCWarning(lcCrossover).noquote()
            << "a restart will not know the state of now:" << written.error().message;
}

TIDEMILL_PLUGIN(SmaCrossover, "sma_crossover.json")

#include "sma_crossover.moc"
