// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <QUrlQuery>

#include <memory>

namespace tidemill::binance {

namespace {

// By the exchange's documentation.
constexpr int tradesWeight = 25;
constexpr int aggTradesWeight = 4;
constexpr int candlesWeight = 2;

QUrl pageUrl(const QUrl &base, const char *path, Symbol symbol, qint64 first, qint64 limit)
{
    return apiUrl(base, path, symbol,
                  {{"fromId", QString::number(first)}, {"limit", QString::number(limit)}});
}

// How many to ask for: not more than are wanted, so that an answer can be told from a short one.
qint64 pageLimit(qint64 first, qint64 last)
{
    return last > 0 && last - first < History::pageSize ? last - first + 1 : History::pageSize;
}

// Asks until the answer can be read: a page of a proxy, half an answer come with a success too, and the next
// one may be whole.
template<typename R>
void get(net::RestClient &rest, const char *what, const QUrl &url, int weight, QObject *context,
         std::function<Result<std::vector<R>>(const QByteArray &)> decode,
         std::function<void(Result<std::vector<R>> &&)> answer)
{
    auto records = std::make_shared<Result<std::vector<R>>>(std::vector<R>());
    const auto unusable = [decode = std::move(decode), records](const net::HttpReply &reply) {
        *records = decode(reply.body);
        return *records ? std::nullopt : std::optional(records->error().message);
    };
    rest.get({.url = url, .weight = weight, .unusable = unusable}, context,
             [what, records, answer = std::move(answer)](const net::HttpReply &reply) {
                 if (reply.isSuccess())
                     answer(std::move(*records));
                 else
                     answer(restError(what, reply));
             });
}

template<typename R>
void answerPage(Result<std::vector<R>> &&records, qint64 last, qint64 limit,
                const typename net::Continuity<R>::Answer &answer)
{
    if (!records)
        return answer(records.error());
    // A short page reaches up to now.
    const bool isShort = qint64(records->size()) < limit;
    const bool reaches = last > 0 && !records->empty() && net::continuityId(records->back()) >= last;
    answer(net::HistoryPage<R>{*std::move(records), isShort || reaches});
}

} // namespace

QUrl apiUrl(const QUrl &base, const char *path, Symbol symbol,
            const QList<std::pair<const char *, QString>> &query)
{
    QUrl url = base;
    QString basePath = url.path();
    while (basePath.endsWith(QLatin1Char('/')))
        basePath.chop(1);
    url.setPath(basePath + QStringLiteral("/api/v3/") + QLatin1String(path));
    QUrlQuery items;
    if (!symbol.isNull())
        items.addQueryItem(QStringLiteral("symbol"),
                           QString::fromLatin1(QUrl::toPercentEncoding(QString::fromUtf8(symbol.name()))));
    for (const auto &[name, value] : query)
        items.addQueryItem(QLatin1String(name), QString::fromLatin1(QUrl::toPercentEncoding(value)));
    url.setQuery(items);
    return url;
}

void History::setUrls(const QUrl &url, const QUrl &tradesUrl)
{
    m_url = url;
    m_tradesUrl = tradesUrl;
}

void History::fetchTrades(Symbol symbol, qint64 first, qint64 last, net::Continuity<Trade>::Answer answer)
{
    const qint64 limit = pageLimit(first, last);
    get<Trade>(
        m_tradesRest, "historicalTrades", pageUrl(m_tradesUrl, "historicalTrades", symbol, first, limit),
        tradesWeight, m_context, [symbol](const QByteArray &body) { return decodeTrades(body, symbol); },
        [last, limit, answer = std::move(answer)](auto &&trades) {
            answerPage<Trade>(std::move(trades), last, limit, answer);
        });
}

void History::fetchAggTrades(Symbol symbol, qint64 first, qint64 last,
                             net::Continuity<AggTrade>::Answer answer)
{
    const qint64 limit = pageLimit(first, last);
    get<AggTrade>(
        m_rest, "aggTrades", pageUrl(m_url, "aggTrades", symbol, first, limit), aggTradesWeight, m_context,
        [symbol](const QByteArray &body) { return decodeAggTrades(body, symbol); },
        [last, limit, answer = std::move(answer)](auto &&trades) {
            answerPage<AggTrade>(std::move(trades), last, limit, answer);
        });
}

void History::fetchCandles(Symbol symbol, const StreamSpec &spec, Timestamp from, Timestamp to,
                           std::function<void(const Result<CandlePage> &)> answer)
{
    QList<std::pair<const char *, QString>> query{{"interval", QString::fromUtf8(spec.interval)},
                                                  {"startTime", QString::number(from.ns / 1'000'000)},
                                                  {"endTime", QString::number(to.ns / 1'000'000 - 1)},
                                                  {"limit", QString::number(pageSize)}};
    if (spec.isEastern)
        query.append({"timeZone", QStringLiteral("8")});
    get<Candle>(
        m_rest, "klines", apiUrl(m_url, "klines", symbol, query), candlesWeight, m_context,
        [symbol, interval = Symbol(spec.interval)](const QByteArray &body) {
            return decodeCandles(body, symbol, interval);
        },
        [from, to, answer = std::move(answer)](auto &&candles) {
            if (!candles)
                return answer(candles.error());
            std::erase_if(*candles, [from, to](const Candle &candle) {
                return candle.ts_open < from || candle.ts_open >= to;
            });
            CandlePage page{*std::move(candles), {}};
            for (Candle &candle : page.candles)
                candle.closed = true;
            // A short page is not the end where both times are given, but an empty one is.
            if (!page.candles.empty() && CandleFill::nextOpen(page.candles.back()) < to)
                page.next = CandleFill::nextOpen(page.candles.back());
            answer(page);
        });
}

} // namespace tidemill::binance
