// SPDX-License-Identifier: Apache-2.0
#include "archive.h"

#include "market_json.h"
#include "zip_file.h"

#include <QCryptographicHash>
#include <QDateTime>
#include <QRegularExpression>

namespace tidemill::exchange {

namespace {

constexpr qint64 microsecondsFrom = 1'735'689'600'000'000; // 2025-01-01: finer times from then on

struct File
{
    QByteArray kind;
    QByteArray symbol;
    QByteArray interval; // of klines
    QByteArray name;     // without an extension
    qint64 beginUs = 0;
    qint64 endUs = 0;
    bool checksum = false;
};

std::optional<File> parsePath(const QByteArray &path)
{
    static const QRegularExpression form(
        QStringLiteral("^(daily|monthly)/(aggTrades|trades|klines)/([^/]+)/(?:([0-9]+[a-zA-Z]+)/)?"
                       "(\\3-(?:\\2|\\4)-(\\d{4}-\\d{2}(?:-\\d{2})?))\\.zip(\\.CHECKSUM)?$"));
    const auto match = form.match(QString::fromUtf8(path));
    const bool daily = match.captured(1) == u"daily";
    const bool candles = match.captured(2) == u"klines";
    const QString date = match.captured(6) + (daily ? QString() : QStringLiteral("-01"));
    const QDateTime begin(QDate::fromString(date, Qt::ISODate), QTime(0, 0), Qt::UTC);
    if (!match.hasMatch() || !begin.isValid() || candles == match.captured(4).isEmpty())
        return std::nullopt;
    const QDateTime end = daily ? begin.addDays(1) : begin.addMonths(1);
    return File{match.captured(2).toUtf8(),  match.captured(3).toUtf8(),       match.captured(4).toUtf8(),
                match.captured(5).toUtf8(),  begin.toMSecsSinceEpoch() * 1000, end.toMSecsSinceEpoch() * 1000,
                !match.captured(7).isEmpty()};
}

QByteArray flag(bool value)
{
    return value ? "True" : "False";
}

QByteArray number(qint64 value)
{
    return QByteArray::number(value);
}

QByteArray line(const TradeRow &row, TimeUnit unit)
{
    return number(row.id) + ',' + row.price.text() + ',' + row.quantity.text() + ',' +
           product(row.price, row.quantity) + ',' + timeText(row.timeUs, unit) + ',' +
           flag(row.buyerIsMaker) + ",True\n";
}

QByteArray line(const AggTradeRow &row, TimeUnit unit)
{
    return number(row.id) + ',' + row.price.text() + ',' + row.quantity.text() + ',' + number(row.firstId) +
           ',' + number(row.lastId) + ',' + timeText(row.timeUs, unit) + ',' + flag(row.buyerIsMaker) +
           ",True\n";
}

QByteArray line(const CandleRow &row, TimeUnit unit)
{
    return timeText(row.openUs, unit) + ',' + row.open.text() + ',' + row.high.text() + ',' + row.low.text() +
           ',' + row.close.text() + ',' + row.volume.text() + ',' + timeText(row.closeUs, unit) + ',' +
           row.quoteVolume.text() + ',' + number(row.count) + ',' + row.takerVolume.text() + ',' +
           row.takerQuoteVolume.text() + ",0\n";
}

template<typename Rows>
QByteArray lines(const Rows &rows, TimeUnit unit)
{
    QByteArray csv;
    for (const auto &row : rows)
        csv += line(row, unit);
    return csv;
}

QByteArray csvOf(const File &file, MarketData &data)
{
    const RowQuery query{{}, file.beginUs, file.endUs - 1, std::numeric_limits<int>::max()};
    const TimeUnit unit = file.beginUs >= microsecondsFrom ? TimeUnit::Microseconds : TimeUnit::Milliseconds;
    const History *history = data.history(file.symbol);
    if (!history || data.nowUs() < file.endUs)
        return {};
    if (file.kind == "trades")
        return lines(history->trades(query), unit);
    if (file.kind == "aggTrades")
        return lines(history->aggTrades(query), unit);
    return lines(data.candles(file.symbol, file.interval, query), unit);
}

} // namespace

HttpResponse archiveAnswer(const QByteArray &path, MarketData &data)
{
    HttpResponse response;
    const auto file = parsePath(path);
    const QByteArray csv = file ? csvOf(*file, data) : QByteArray();
    if (csv.isEmpty()) {
        response.status = 404;
        response.type = "application/xml";
        response.body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
                        "<Message>The specified key does not exist.</Message></Error>";
        return response;
    }
    response.body = zipFile(file->name + ".csv", csv);
    response.type = "application/zip";
    if (file->checksum) {
        response.type = "text/plain";
        response.body = QCryptographicHash::hash(response.body, QCryptographicHash::Sha256).toHex() + "  " +
                        file->name + ".zip\n";
    }
    return response;
}

} // namespace tidemill::exchange
