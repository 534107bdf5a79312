// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/fake_exchange.h"

#include <tidemill/order_book.h>
#include <tidemill/testing.h>

#include <QJsonArray>
#include <QJsonDocument>

#include <map>

namespace tidemill::testing {

// A source with streams of trades and books against the fake exchange, and what is wrong with what comes out.
class SourceFixture : public QObject
{
protected:
    // What a trade was, with the taker's side: "61234.5 0.2 buy". Without zeros at the end, of which the
    // stream and the history of an exchange may have different numbers.
    using TradesById = QMap<qint64, QByteArray>;

    static QByteArray tradeText(const Decimal &price, const Decimal &quantity, bool isBuy)
    {
        return price.normalized().toString() + ' ' + quantity.normalized().toString() +
               (isBuy ? " buy" : " sell");
    }
    static QByteArray tradeText(const QString &price, const QString &quantity, bool isBuy)
    {
        return tradeText(Decimal::parse(price.toLatin1()).value_or(Decimal::null()),
                         Decimal::parse(quantity.toLatin1()).value_or(Decimal::null()), isBuy);
    }

    // The trades of one line of the exchange's own record.
    virtual void readTruth(const QByteArray &line, TradesById &trades) const = 0;

    void startExchange(exchange::Settings settings, const exchange::GeneratorOptions &market)
    {
        m_exchange = std::make_unique<exchange::FakeExchange>(settings);
        QString error;
        QVERIFY2(m_exchange->start(&error), qPrintable(error));
        m_exchange->generate(market);
        m_symbol = market.symbols.first();
    }

    void createSource(const char *id, const QStringList &streams, const QVariantMap &more = {},
                      const NodeContext &context = {})
    {
        QUrl url = m_exchange->wsUrl();
        url.setPath(m_path);
        QVariantMap options{{"url", url.toString()},
                            {"rest_url", m_exchange->restUrl().toString()},
                            {"symbols", QStringList{QString::fromUtf8(m_symbol)}},
                            {"streams", streams}};
        options.insert(more);
        auto node = create<Source>(QLatin1String(id), options, context);
        TIDEMILL_VERIFY(node);
        m_source = *std::move(node);
        m_emitted = std::make_unique<QSignalSpy>(m_source.get(), &Source::emitted);
        m_books.clear();
        m_brokenBook.clear();
        connect(m_source.get(), &Source::emitted, this, &SourceFixture::followBooks);
    }

    void startSource(const char *id, const QStringList &streams, const QVariantMap &more = {},
                     const NodeContext &context = {})
    {
        createSource(id, streams, more, context);
        TIDEMILL_VERIFY(m_source->start());
    }

    void endSource()
    {
        m_source.reset();
        m_emitted.reset();
        m_exchange.reset();
    }

    void inject(const QString &fault)
    {
        QString error;
        QVERIFY2(m_exchange->inject(fault, &error), qPrintable(error));
    }

    // One after the other; after those that cost the connection there is a new one before the next.
    void injectEach(const QStringList &faults)
    {
        for (const QString &fault : faults) {
            const int before = connections();
            inject(fault);
            const auto isOf = [&fault](const char *kind) { return fault.startsWith(QLatin1String(kind)); };
            if (isOf("refuse") || isOf("abort") || isOf("close") || isOf("silence"))
                QTRY_VERIFY_WITH_TIMEOUT(connections() > before, 30000);
        }
    }

    qsizetype count() const { return rows<Trade>(*m_emitted).size(); }
    qsizetype violations() const { return m_exchange->stats()["violations"].toArray().size(); }
    int connections() const { return m_exchange->stats()["connections_ever"].toInt(); }

    TradesById truth() const
    {
        TradesById trades;
        QByteArray all;
        const auto chunks = m_exchange->data()->truth("trade", m_symbol);
        for (QByteArray chunk = chunks(); !chunk.isEmpty(); chunk = chunks())
            all += chunk;
        for (const QByteArray &line : all.split('\n')) {
            if (!line.isEmpty())
                readTruth(line, trades);
        }
        return trades;
    }

    // What is wrong with the trades that came: each is the exchange's, and follows the one before it by one.
    // With `upTo`, that one has to be among them. Empty when all is well.
    QString wrongTrades(qint64 upTo = 0) const
    {
        const TradesById exact = truth();
        qint64 last = 0;
        for (const Trade &trade : rows<Trade>(*m_emitted)) {
            if (last != 0 && trade.trade_id != last + 1)
                return QStringLiteral("%1 follows %2").arg(trade.trade_id).arg(last);
            last = trade.trade_id;
            const QByteArray text = tradeText(trade.price, trade.quantity, trade.side == Side::Buy);
            if (exact.value(last) != text)
                return QStringLiteral("%1 is %2, not %3")
                    .arg(last)
                    .arg(QString::fromLatin1(text), QString::fromLatin1(exact.value(last)));
        }
        if (last < std::max<qint64>(upTo, 1))
            return QStringLiteral("ends with %1, before %2").arg(last).arg(upTo);
        return {};
    }

    // All that there was at this moment has come out by now or will.
    void verifyTradesAreWhole()
    {
        const qint64 newest = truth().lastKey();
        QTRY_COMPARE_WITH_TIMEOUT(wrongTrades(newest), QString(), 20000);
    }

    // What every source has to stand; a test of its own exchange adds more rows.
    static void addLosses()
    {
        QTest::addColumn<QStringList>("faults");

        QTest::newRow("away for two seconds") << QStringList{"refuse:2s"};
        QTest::newRow("reset twice") << QStringList{"abort", "abort"};
        QTest::newRow("closed by plan, twice") << QStringList{"close:1000", "close:1001"};
        QTest::newRow("silent") << QStringList{"silence:30s"};
        QTest::newRow("silent without pongs") << QStringList{"nopong:30s", "silence:30s"};
    }

    void verifyNoTradeIsLost(const char *id, const char *stream, const QStringList &faults, qsizetype behind)
    {
        startSource(id, {stream}, {{"silence", QVariantMap{{"floor", "500ms"}, {"ceiling", "2s"}}}});
        QTRY_VERIFY(count() > 5);

        injectEach(faults);

        const qsizetype before = count();
        QTRY_VERIFY_WITH_TIMEOUT(count() > before + behind, 30000);
        verifyTradesAreWhole();
    }

    // After the fault there is one gap, and a second snapshot.
    void verifyBookComesAnew(const char *id, const char *stream, const QString &fault)
    {
        startSource(id, {stream});
        QTRY_VERIFY(rows<BookUpdate>(*m_emitted).size() > 5);

        inject(fault);

        QTRY_COMPARE_WITH_TIMEOUT(rows<BookSnapshot>(*m_emitted).size(), 2, 15000);
        QCOMPARE(rows<Gap>(*m_emitted).size(), 1);
        const qsizetype before = rows<BookUpdate>(*m_emitted).size();
        QTRY_VERIFY(rows<BookUpdate>(*m_emitted).size() > before + 5);
        QCOMPARE(m_brokenBook, QString());
    }

    // So many trades happen between two runs.
    void verifyGoesOnWhereItStood(const char *id, const char *stream, qint64 away)
    {
        startSource(id, {stream});
        QSignalSpy reached(m_source.get(), &Source::positionReached);
        QTRY_VERIFY(count() > 5);
        m_source->stop();
        const qint64 last = rows<Trade>(*m_emitted).last().trade_id;
        NodeContext context;
        context.positions = positions(reached);
        QVERIFY(!context.positions.isEmpty());
        QTRY_VERIFY(truth().lastKey() > last + away);

        startSource(id, {stream}, {}, context);

        QTRY_VERIFY_WITH_TIMEOUT(count() > away + 5, 15000);
        QCOMPARE(rows<Trade>(*m_emitted).first().trade_id, last + 1);
        verifyTradesAreWhole();
        QVERIFY(rows<Gap>(*m_emitted).isEmpty());
    }

    // Of two symbols the exchange knows one.
    void verifyNamesWhatIsNotThere(const char *id, const char *stream, const QStringList &symbols,
                                   const char *message)
    {
        createSource(id, {stream}, {{"symbols", symbols}});
        QSignalSpy degraded(m_source.get(), &Node::degraded);
        TIDEMILL_VERIFY(m_source->start());

        QTRY_VERIFY(!degraded.isEmpty());
        const auto cause = degraded.first().first().value<Error>();
        QVERIFY2(cause.message.contains(QLatin1String(message)), qPrintable(cause.message));
        QTRY_VERIFY(count() > 5); // the other one flows
    }

    static void verifyRejects(const char *id, QVariantMap options, const QVariantMap &more,
                              const QString &message)
    {
        options.insert(more);

        const auto node = create<Source>(QLatin1String(id), options);

        QVERIFY(!node);
        QCOMPARE(node.error().message, message);
    }

    // Whether our book is the exchange's. It moves, so it has to be asked until it is.
    bool isExchangesBook()
    {
        const auto book = m_books.find(Symbol(m_symbol));
        if (book == m_books.end() || !m_brokenBook.isEmpty())
            return false;
        const auto answer = m_exchange->data()->depth(m_symbol, 5000);
        if (!answer)
            return false;
        const QJsonObject truth = QJsonDocument::fromJson(*answer).object();
        return isSide(book->second.levels.bids(), truth["bids"].toArray()) &&
               isSide(book->second.levels.asks(), truth["asks"].toArray());
    }

    std::unique_ptr<exchange::FakeExchange> m_exchange;
    NodePtr<Source> m_source;
    std::unique_ptr<QSignalSpy> m_emitted;
    QByteArray m_symbol;
    QString m_path = QStringLiteral("/");
    QString m_brokenBook; // what does not follow what was before it

private:
    struct Book
    {
        OrderBook levels;
        qint64 at = 0;
    };

    static bool isSide(const std::vector<Level> &worstFirst, const QJsonArray &bestFirst)
    {
        if (bestFirst.isEmpty() || std::size_t(bestFirst.size()) != worstFirst.size())
            return false;
        auto ours = worstFirst.rbegin();
        for (const QJsonValue &level : bestFirst) {
            if (ours->price != *Decimal::parse(level[0].toString().toLatin1()) ||
                ours->quantity != *Decimal::parse(level[1].toString().toLatin1()))
                return false;
            ++ours;
        }
        return true;
    }

    void followBooks(const BatchPtr &batch)
    {
        for (const BookSnapshot &snapshot : batch->rows<BookSnapshot>()) {
            Book &book = m_books[snapshot.symbol];
            if (snapshot.last_update_id <= book.at)
                m_brokenBook = QStringLiteral("a snapshot goes back");
            book.levels.replace(batch->levels(snapshot.bids), batch->levels(snapshot.asks));
            book.at = snapshot.last_update_id;
        }
        for (const BookUpdate &update : batch->rows<BookUpdate>()) {
            Book &book = m_books[update.symbol];
            if (update.first_update_id != book.at + 1)
                m_brokenBook = QStringLiteral("update %1 after %2").arg(update.first_update_id).arg(book.at);
            book.levels.apply(batch->levels(update.bids), batch->levels(update.asks));
            book.at = update.last_update_id;
        }
    }

    std::map<Symbol, Book> m_books;
};

} // namespace tidemill::testing
