// SPDX-License-Identifier: Apache-2.0
#include "book.h"

#include <tidemill/testing.h>

using namespace tidemill;
using kraken::Book;

namespace {

using LevelList = std::vector<Level>;

// "45285.2/0.00100000 45286.4/1.54571953"
LevelList levels(const QByteArray &text)
{
    LevelList side;
    for (const QByteArray &level : text.split(' ')) {
        const qsizetype slash = level.indexOf('/');
        side.push_back({*Decimal::parse(level.first(slash)), *Decimal::parse(level.sliced(slash + 1))});
    }
    return side;
}

// The example of Kraken's documentation.
const QByteArray documentedAsks =
    "45285.2/0.00100000 45286.4/1.54571953 45286.6/1.54571109 45289.6/1.54560911 45290.2/0.15890660 "
    "45291.8/1.54553491 45294.7/0.04454749 45296.1/0.35380000 45297.5/0.09945542 45299.5/0.18772827";
const QByteArray documentedBids =
    "45283.5/0.10000000 45283.4/1.54582015 45282.1/0.10000000 45281.0/0.10000000 45280.3/1.54592586 "
    "45279.0/0.07990000 45277.6/0.03310103 45277.5/0.30000000 45277.3/1.54602737 45276.6/0.15445238";
constexpr quint32 documentedChecksum = 3310070434;

QByteArray text(const LevelList &side)
{
    QByteArrayList list;
    for (const Level &level : side)
        list.append(level.price.toString() + '/' + level.quantity.toString());
    return list.join(' ');
}

} // namespace

class tst_KrakenBook : public QObject
{
    Q_OBJECT

private slots:
    void agreesWithTheDocumentation()
    {
        Book book(10);
        book.replace(levels(documentedBids), levels(documentedAsks));

        QCOMPARE(book.checksum(), documentedChecksum);
    }

    void takesTheDigitsAsTheyWereSent()
    {
        Book book(10);
        book.replace(levels(documentedBids),
                     levels(QByteArray(documentedAsks).replace("0.35380000", "0.3538")));

        QVERIFY(book.checksum() != documentedChecksum);
    }

    void looksOnlyAtTheBestTen()
    {
        Book book(25);
        book.replace(levels(documentedBids + " 45000.0/1.0"), levels(documentedAsks + " 46000.0/1.0"));

        QCOMPARE(book.checksum(), documentedChecksum);
    }

    void forgetsWhatFallsOutOfItsDepth()
    {
        Book book(2);
        book.replace(levels("10.0/1.0 9.0/1.0"), levels("11.0/1.0 12.0/1.0"));
        LevelList bids = levels("9.5/2.0");
        LevelList asks = levels("11.0/0.0 10.8/3.0 10.9/4.0");

        book.apply(bids, asks);

        // Whoever applies what it says keeps the same book.
        QCOMPARE(text(bids), "9.5/2.0 9.0/0");
        QCOMPARE(text(asks), "11.0/0.0 10.8/3.0 10.9/4.0 12.0/0");
        QCOMPARE(text(book.bids()), "9.5/2.0 10.0/1.0");
        QCOMPARE(text(book.asks()), "10.9/4.0 10.8/3.0");
    }

    void removesBeforeItCounts()
    {
        Book book(2);
        book.replace(levels("10.0/1.0 9.0/1.0"), levels("11.0/1.0"));
        LevelList bids = levels("9.5/2.0 10.0/0.0");
        LevelList asks;

        book.apply(bids, asks);

        QCOMPARE(text(book.bids()), "9.0/1.0 9.5/2.0");
    }

    void hasAChecksumWhenItIsEmpty() { QCOMPARE(Book(10).checksum(), 0U); }
};

QTEST_GUILESS_MAIN(tst_KrakenBook)

#include "tst_kraken_book.moc"
