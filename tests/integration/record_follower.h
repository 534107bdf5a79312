// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "truth.h"

namespace tidemill::testing {

// A book by price, both as text: the exchange's digits must come through as they are.
struct TextBook
{
    using Levels = QMap<QByteArray, QByteArray>;

    Levels bids;
    Levels asks;
    qint64 at = 0; // last update id

    bool operator==(const TextBook &) const = default;

    static void apply(Levels &side, const QJsonArray &changes)
    {
        for (const QJsonValue &change : changes) {
            const QByteArray price = change[0].toString().toLatin1();
            const QByteArray quantity = change[1].toString().toLatin1();
            if (quantity.toDouble() == 0)
                side.remove(price);
            else
                side.insert(price, quantity);
        }
    }
};

// The exchange's book at some moment.
inline TextBook bookOf(const ExchangeProgram &exchange, const QString &symbol)
{
    const QJsonObject json =
        request(exchange.rest + QStringLiteral("/api/v3/depth?limit=1000&symbol=") + symbol).json();
    TextBook book;
    TextBook::apply(book.bids, json["bids"].toArray());
    TextBook::apply(book.asks, json["asks"].toArray());
    book.at = json["lastUpdateId"].toInteger();
    return book;
}

// Brings the exchange's book to a later moment, at which one of its changes ended.
inline void advance(TextBook &book, qint64 to, const ExchangeProgram &exchange, const QString &symbol)
{
    for (const QByteArray &line :
         request(exchange.rest + QStringLiteral("/__truth/depth?symbol=") + symbol).body.split('\n')) {
        const QJsonObject change = QJsonDocument::fromJson(line).object();
        const qint64 last = change["u"].toInteger();
        if (last <= book.at || last > to)
            continue;
        TextBook::apply(book.bids, change["b"].toArray());
        TextBook::apply(book.asks, change["a"].toArray());
        book.at = last;
    }
}

// Reads what a jsonl sink has of a Binance source, while it is written, as somebody does who keeps books and
// wants each trade once and in order.
class RecordFollower
{
public:
    struct Book
    {
        TextBook levels;
        bool isWhole = false;  // no: nothing was joined yet, or a gap has been said since
        qint64 lastUpdate = 0; // whether it could be applied or not
    };

    // From that place of the file on.
    explicit RecordFollower(const QString &path, qint64 offset = 0) : m_file(path), m_offset(offset) {}

    // All lines that have been completed since.
    void read()
    {
        if (!m_file.isOpen() && !m_file.open(QIODevice::ReadOnly))
            return;
        m_file.seek(m_offset);
        const QByteArray more = m_file.readAll();
        const qsizetype end = more.lastIndexOf('\n') + 1;
        m_offset += end;
        for (const QByteArray &line : more.first(end).split('\n')) {
            if (!line.isEmpty())
                follow(QJsonDocument::fromJson(line).object());
        }
    }

    qint64 offset() const { return m_offset; }
    qsizetype count() const
    {
        qsizetype all = 0;
        for (const TradesById &trades : m_trades)
            all += trades.size();
        return all;
    }
    const QMap<QString, TradesById> &trades() const { return m_trades; }
    Book book(const QString &symbol) const { return m_books.value(symbol); }
    int filled() const { return m_filled; }
    int gaps(const QString &symbol, const QString &stream) const { return m_gaps.value({symbol, stream}); }
    // What came twice, out of order, or does not follow what was before it.
    QString wrong() const { return m_wrong.mid(0, 20).join(QLatin1String("; ")); }

private:
    void follow(const QJsonObject &record)
    {
        const QString type = record["type"].toString();
        const QString symbol = record["symbol"].toString();
        if (type == QLatin1String("trade")) {
            followTrade(symbol, record);
        } else if (type == QLatin1String("gap")) {
            ++m_gaps[{symbol, record["stream"].toString()}];
            if (record["stream"].toString().startsWith(QLatin1String("depth")))
                m_books[symbol].isWhole = false;
        } else if (type == QLatin1String("book_snapshot")) {
            Book &book = m_books[symbol];
            book.levels = {};
            book.isWhole = true;
            change(book.levels, record);
        } else if (type == QLatin1String("book_update")) {
            followUpdate(symbol, record);
        } else {
            m_wrong.append(QStringLiteral("a record of type '%1'").arg(type));
        }
    }

    void followTrade(const QString &symbol, const QJsonObject &record)
    {
        TradesById &trades = m_trades[symbol];
        const qint64 id = record["trade_id"].toInteger();
        if (!trades.isEmpty() && id <= trades.lastKey())
            m_wrong.append(QStringLiteral("%1 %2 came behind %3").arg(symbol).arg(id).arg(trades.lastKey()));
        trades.insert(id,
                      record["price"].toString().toLatin1() + ' ' + record["quantity"].toString().toLatin1());
        m_filled += record["provenance"] == QLatin1String("backfill");
    }

    void followUpdate(const QString &symbol, const QJsonObject &record)
    {
        Book &book = m_books[symbol];
        const qint64 last = record["last_update_id"].toInteger();
        if (last <= book.lastUpdate)
            m_wrong.append(
                QStringLiteral("%1: update %2 behind %3").arg(symbol).arg(last).arg(book.lastUpdate));
        book.lastUpdate = last;
        if (!book.isWhole || last <= book.levels.at)
            return; // what a snapshot contains already
        if (record["first_update_id"].toInteger() > book.levels.at + 1)
            m_wrong.append(QStringLiteral("%1: update %2 behind %3, and no gap was said")
                               .arg(symbol)
                               .arg(record["first_update_id"].toInteger())
                               .arg(book.levels.at));
        change(book.levels, record);
    }

    static void change(TextBook &book, const QJsonObject &record)
    {
        TextBook::apply(book.bids, record["bids"].toArray());
        TextBook::apply(book.asks, record["asks"].toArray());
        book.at = record["last_update_id"].toInteger();
    }

    QFile m_file;
    qint64 m_offset;
    QMap<QString, TradesById> m_trades;
    QMap<QString, Book> m_books;
    QMap<std::pair<QString, QString>, int> m_gaps;
    int m_filled = 0;
    QStringList m_wrong;
};

} // namespace tidemill::testing
