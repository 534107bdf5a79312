// SPDX-License-Identifier: Apache-2.0
#include <tidemill/order_book.h>

#include <QRandomGenerator>
#include <QTest>

#include <algorithm>
#include <map>

using namespace tidemill;

namespace {

using Rows = std::vector<Level>;

// Best level first, "price x quantity".
QByteArray printed(const std::vector<Level> &side)
{
    QByteArray text;
    for (auto level = side.rbegin(); level != side.rend(); ++level)
        text += level->price.toString() + 'x' + level->quantity.toString() + ' ';
    return text.trimmed();
}

// The same book the simple way.
struct Model
{
    std::map<Decimal, Decimal> bids;
    std::map<Decimal, Decimal> asks;

    static void apply(std::map<Decimal, Decimal> &side, const Rows &rows)
    {
        for (const Level &level : rows) {
            if (level.quantity.isZero())
                side.erase(level.price);
            else
                side.insert_or_assign(level.price, level.quantity);
        }
    }
};

template<typename Iterator>
bool sameLevels(const std::vector<Level> &side, Iterator worst, Iterator end)
{
    return std::equal(side.begin(), side.end(), worst, end, [](const Level &level, const auto &expected) {
        return level.price == expected.first && level.quantity.toString() == expected.second.toString();
    });
}

Rows randomRows(QRandomGenerator &random, int around, int count)
{
    Rows rows;
    for (int i = 0; i < count; ++i) {
        // Mostly near the best, as in life; with and without zeros at the end, which are the same price.
        const int distance = random.bounded(10) == 0 ? random.bounded(-400, 400) : random.bounded(-12, 12);
        const qint64 ticks = around + distance;
        const Decimal price = random.bounded(2) ? Decimal{ticks, -2} : Decimal{ticks * 1000, -5};
        rows.push_back({price, {random.bounded(3) == 0 ? 0 : random.bounded(1, 1000), -3}});
    }
    return rows;
}

} // namespace

class tst_OrderBook : public QObject
{
    Q_OBJECT

private slots:
    void startsEmpty()
    {
        const OrderBook book;
        QVERIFY(book.isEmpty());
        QVERIFY(!book.isCrossed());
    }

    void keepsTheBestLast()
    {
        OrderBook book;
        book.replace(Rows{{100_dec, 1_dec}, {99_dec, 2_dec}}, Rows{{101_dec, 3_dec}, {102_dec, 4_dec}});

        QCOMPARE(book.bids().back().price, 100_dec);
        QCOMPARE(book.asks().back().price, 101_dec);
        QCOMPARE(printed(book.bids()), "100x1 99x2");
        QCOMPARE(printed(book.asks()), "101x3 102x4");
    }

    void appliesChanges_data()
    {
        QTest::addColumn<QList<Level>>("bids");
        QTest::addColumn<QByteArray>("expected");

        QTest::newRow("nothing") << QList<Level>{} << QByteArray("100x1 99x2 98x3");
        QTest::newRow("a better one")
            << QList<Level>{{101_dec, 9_dec}} << QByteArray("101x9 100x1 99x2 98x3");
        QTest::newRow("between") << QList<Level>{{"98.5"_dec, 9_dec}} << QByteArray("100x1 99x2 98.5x9 98x3");
        QTest::newRow("a worse one") << QList<Level>{{1_dec, 9_dec}} << QByteArray("100x1 99x2 98x3 1x9");
        QTest::newRow("another quantity") << QList<Level>{{99_dec, 9_dec}} << QByteArray("100x1 99x9 98x3");
        QTest::newRow("the same price with zeros")
            << QList<Level>{{"99.000"_dec, 9_dec}} << QByteArray("100x1 99x9 98x3");
        QTest::newRow("remove the best") << QList<Level>{{100_dec, 0_dec}} << QByteArray("99x2 98x3");
        QTest::newRow("remove by zero with zeros")
            << QList<Level>{{99_dec, "0.000"_dec}} << QByteArray("100x1 98x3");
        QTest::newRow("remove what is not there")
            << QList<Level>{{97_dec, 0_dec}, {101_dec, 0_dec}} << QByteArray("100x1 99x2 98x3");
        QTest::newRow("one after the other")
            << QList<Level>{{99_dec, 0_dec}, {99_dec, 5_dec}, {100_dec, 7_dec}, {100_dec, 0_dec}}
            << QByteArray("99x5 98x3");
        QTest::newRow("remove all") << QList<Level>{{98_dec, 0_dec}, {99_dec, 0_dec}, {100_dec, 0_dec}}
                                    << QByteArray();
    }

    void appliesChanges()
    {
        QFETCH(QList<Level>, bids);
        QFETCH(QByteArray, expected);
        OrderBook book;
        book.replace(Rows{{100_dec, 1_dec}, {99_dec, 2_dec}, {98_dec, 3_dec}}, {});

        book.apply(bids, {});

        QCOMPARE(printed(book.bids()), expected);
        QVERIFY(book.asks().empty());
    }

    void replacesEverything()
    {
        OrderBook book;
        book.replace(Rows{{100_dec, 1_dec}}, Rows{{101_dec, 1_dec}});
        book.replace(Rows{{50_dec, 1_dec}}, {});

        QCOMPARE(printed(book.bids()), "50x1");
        QVERIFY(book.asks().empty());
        QVERIFY(!book.isEmpty());
        book.clear();
        QVERIFY(book.isEmpty());
    }

    void replacesInWhateverOrder()
    {
        OrderBook book;
        book.replace(Rows{{98_dec, 3_dec}, {100_dec, 1_dec}, {99_dec, 0_dec}, {98_dec, 4_dec}},
                     Rows{{103_dec, 1_dec}, {101_dec, 2_dec}, {102_dec, 3_dec}});

        QCOMPARE(printed(book.bids()), "100x1 98x3"); // of two with one price the one nearer the top
        QCOMPARE(printed(book.asks()), "101x2 102x3 103x1");
    }

    void knowsACrossedBook_data()
    {
        QTest::addColumn<QList<Level>>("bids");
        QTest::addColumn<QList<Level>>("asks");
        QTest::addColumn<bool>("crossed");

        QTest::newRow("apart") << QList<Level>{{100_dec, 1_dec}} << QList<Level>{{"100.01"_dec, 1_dec}}
                               << false;
        QTest::newRow("touching") << QList<Level>{{100_dec, 1_dec}} << QList<Level>{{"100.00"_dec, 1_dec}}
                                  << true;
        QTest::newRow("crossed") << QList<Level>{{100_dec, 1_dec}} << QList<Level>{{99_dec, 1_dec}} << true;
        QTest::newRow("no asks") << QList<Level>{{100_dec, 1_dec}} << QList<Level>{} << false;
        QTest::newRow("no bids") << QList<Level>{} << QList<Level>{{1_dec, 1_dec}} << false;
    }

    void knowsACrossedBook()
    {
        QFETCH(QList<Level>, bids);
        QFETCH(QList<Level>, asks);
        QFETCH(bool, crossed);
        OrderBook book;
        book.replace(bids, asks);

        QCOMPARE(book.isCrossed(), crossed);
    }

    void behavesLikeASimpleModel_data()
    {
        QTest::addColumn<quint32>("seed");
        for (quint32 seed = 1; seed <= 8; ++seed)
            QTest::addRow("seed %u", seed) << seed;
    }

    void behavesLikeASimpleModel()
    {
        QFETCH(quint32, seed);
        QRandomGenerator random{seed};
        OrderBook book;
        Model model;
        int middle = 10'000;
        for (int step = 0; step < 3000; ++step) {
            middle += random.bounded(-3, 4);
            const Rows bids = randomRows(random, middle, random.bounded(12));
            const Rows asks = randomRows(random, middle, random.bounded(12));
            if (random.bounded(500) == 0) {
                book.clear();
                model = {};
            }
            book.apply(bids, asks);
            Model::apply(model.bids, bids);
            Model::apply(model.asks, asks);

            QVERIFY(sameLevels(book.bids(), model.bids.begin(), model.bids.end()));
            QVERIFY(sameLevels(book.asks(), model.asks.rbegin(), model.asks.rend()));
            const bool crossed = !model.bids.empty() && !model.asks.empty() &&
                                 model.bids.rbegin()->first >= model.asks.begin()->first;
            QCOMPARE(book.isCrossed(), crossed);
        }
    }
};

QTEST_GUILESS_MAIN(tst_OrderBook)

#include "tst_order_book.moc"
