// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/symbol.h>
#include <tidemill/timestamp.h>

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <optional>

namespace tidemill::binance_history {

enum class Kind { AggTrades, Trades, Candles };

// Everything of one kind of one symbol: what the exchange numbers without holes (trades by id, candles by the
// time they open), and what has a checkpoint of its own.
struct Series
{
    Symbol symbol;
    Kind kind = Kind::AggTrades;
    QByteArray interval; // of candles: 1m, 1h, 1M

    QByteArray kindName() const; // agg_trades, trades, klines_1m
    QByteArray name() const;     // "BTCUSDT agg_trades"
};

// What `data` of the options may name, without a symbol; nothing if there is no such kind.
std::optional<Series> parseKind(const QString &name);
QStringList intervals();

// When the candle behind the one that opens then opens: a month has as many days as it has.
Timestamp nextOpen(const QByteArray &interval, Timestamp open);

// "2024-01-01T00:00:00Z", a date alone (midnight, UTC), or seconds, milliseconds, microseconds or nanoseconds
// since 1970.
std::optional<Timestamp> parseTime(const QString &text);

// How far a series has come. Keys are ids, and nanoseconds for the opening times of candles.
struct Position
{
    qint64 next = -1; // the key that comes next; -1: not known yet
    Timestamp time;   // everything of earlier times is there

    // Kept from run to run and shown to operators. `begin` says where the series was asked to begin: a
    // position holds for that only, since what lies before another beginning was never fetched.
    QByteArray toText(const QByteArray &begin) const;
    static std::optional<Position> parse(const QByteArray &text, const QByteArray &begin);

    friend bool operator==(const Position &, const Position &) = default;
};

} // namespace tidemill::binance_history
