// SPDX-License-Identifier: Apache-2.0
#include "archive_files.h"

#include <QDateTime>

namespace tidemill::binance_history {

namespace {

constexpr qint64 nsPerMs = 1'000'000;

Timestamp midnight(const QDate &day)
{
    return Timestamp::fromMilliseconds(QDateTime(day, QTime(0, 0), Qt::UTC).toMSecsSinceEpoch());
}

ArchiveFile describe(const Series &series, const QDate &first, bool monthly)
{
    const QByteArray symbol = series.symbol.name().toByteArray();
    QByteArray kind = "aggTrades";
    QByteArray folder = symbol;
    QByteArray stem = symbol + "-aggTrades-";
    if (series.kind == Kind::Trades) {
        kind = "trades";
        stem = symbol + "-trades-";
    } else if (series.kind == Kind::Candles) {
        // A month is 1mo over there: on some disks 1M and 1m would be one.
        const QByteArray interval = series.interval == "1M" ? QByteArray("1mo") : series.interval;
        kind = "klines";
        folder = symbol + '/' + interval;
        stem = symbol + '-' + interval + '-';
    }
    stem += first.toString(monthly ? QStringLiteral("yyyy-MM") : QStringLiteral("yyyy-MM-dd")).toUtf8();
    return {QByteArray("data/spot/") + (monthly ? "monthly/" : "daily/") + kind + '/' + folder + '/' + stem +
                ".zip",
            stem + ".csv", midnight(first), midnight(monthly ? first.addMonths(1) : first.addDays(1)),
            monthly};
}

} // namespace

std::optional<ArchiveFile> archiveFileFor(const Series &series, Timestamp at, Timestamp end, Timestamp now,
                                          bool monthly)
{
    if (at.ns < 0)
        return {};
    const QDate day = QDateTime::fromMSecsSinceEpoch(at.ns / nsPerMs, Qt::UTC).date();
    const Timestamp last = end.isNull() ? now : std::min(end, now);
    if (monthly && day.day() == 1) {
        const ArchiveFile file = describe(series, day, true);
        if (file.end <= last)
            return file;
    }
    const ArchiveFile file = describe(series, day, false);
    return file.end <= last ? std::optional(file) : std::nullopt;
}

} // namespace tidemill::binance_history
