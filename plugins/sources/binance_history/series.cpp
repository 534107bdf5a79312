// SPDX-License-Identifier: Apache-2.0
#include "series.h"

#include <QDateTime>

#include <array>

namespace tidemill::binance_history {

namespace {

struct Interval
{
    const char *name;
    qint64 seconds; // 0: a month
};

constexpr std::array<Interval, 16> known{{
    {"1s", 1},
    {"1m", 60},
    {"3m", 180},
    {"5m", 300},
    {"15m", 900},
    {"30m", 1800},
    {"1h", 3600},
    {"2h", 7200},
    {"4h", 14400},
    {"6h", 21600},
    {"8h", 28800},
    {"12h", 43200},
    {"1d", 86400},
    {"3d", 259200},
    {"1w", 604800},
    {"1M", 0},
}};

constexpr qint64 nsPerMs = 1'000'000;

} // namespace

QByteArray Series::kindName() const
{
    switch (kind) {
    case Kind::AggTrades:
        return "agg_trades";
    case Kind::Trades:
        return "trades";
    case Kind::Candles:
        break;
    }
    return "klines_" + interval;
}

QByteArray Series::name() const
{
    return symbol.name().toByteArray() + ' ' + kindName();
}

std::optional<Series> parseKind(const QString &name)
{
    if (name == QLatin1String("agg_trades"))
        return Series{{}, Kind::AggTrades, {}};
    if (name == QLatin1String("trades"))
        return Series{{}, Kind::Trades, {}};
    const QString prefix = QStringLiteral("klines_");
    if (!name.startsWith(prefix) || !intervals().contains(name.mid(prefix.size())))
        return {};
    return Series{{}, Kind::Candles, name.mid(prefix.size()).toUtf8()};
}

QStringList intervals()
{
    QStringList names;
    for (const Interval &interval : known)
        names.append(QLatin1String(interval.name));
    return names;
}

Timestamp nextOpen(const QByteArray &interval, Timestamp open)
{
    for (const Interval &candidate : known) {
        if (interval == candidate.name && candidate.seconds > 0)
            return open + std::chrono::seconds(candidate.seconds);
    }
    const QDateTime month = QDateTime::fromMSecsSinceEpoch(open.ns / nsPerMs, Qt::UTC);
    return Timestamp::fromMilliseconds(month.addMonths(1).toMSecsSinceEpoch());
}

std::optional<Timestamp> parseTime(const QString &text)
{
    const QByteArray utf8 = text.trimmed().toUtf8();
    bool isNumber = false;
    const qint64 number = utf8.toLongLong(&isNumber);
    if (isNumber)
        return Timestamp::fromEpoch(number);
    constexpr qsizetype dateLength = 10;
    return Timestamp::parse(utf8.size() == dateLength ? QByteArray(utf8 + "T00:00:00Z") : utf8);
}

QByteArray Position::toText(const QByteArray &begin) const
{
    return "next=" + QByteArray::number(next) + " time=" + time.toString() + " from=" + begin;
}

std::optional<Position> Position::parse(const QByteArray &text, const QByteArray &begin)
{
    const QList<QByteArray> parts = text.split(' ');
    if (parts.size() != 3 || !parts[0].startsWith("next=") || !parts[1].startsWith("time=") ||
        parts[2] != "from=" + begin)
        return {};
    bool isNumber = false;
    const qint64 next = parts[0].mid(5).toLongLong(&isNumber);
    const auto time = Timestamp::parse(parts[1].mid(5));
    if (!isNumber || next < 0 || !time)
        return {};
    return Position{next, *time};
}

} // namespace tidemill::binance_history
