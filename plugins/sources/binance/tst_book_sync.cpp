// SPDX-License-Identifier: Apache-2.0
#include "book_sync.h"

#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::binance;

namespace {

using Lines = QStringList;

// Short words for what came out: "u 3-4" an update, "s 5" a snapshot, "g 6-7 sequence" a gap.
Lines described(const QList<BatchPtr> &batches)
{
    Lines lines;
    for (const BatchPtr &batch : batches) {
        for (const BookUpdate &update : batch->rows<BookUpdate>())
            lines.append(QStringLiteral("u %1-%2").arg(update.first_update_id).arg(update.last_update_id));
        for (const BookSnapshot &snapshot : batch->rows<BookSnapshot>())
            lines.append(QStringLiteral("s %1").arg(snapshot.last_update_id));
        for (const Gap &gap : batch->rows<Gap>())
            lines.append(QStringLiteral("g %1-%2 %3")
                             .arg(gap.first_missing)
                             .arg(gap.last_missing)
                             .arg(gap.cause == GapCause::Sequence ? QStringLiteral("sequence")
                                                                  : QStringLiteral("disconnect")));
    }
    return lines;
}

} // namespace

class tst_BookSync : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_batches.clear();
        m_second = 100;
        m_sync = std::make_unique<BookSync>(Symbol("BTCUSDT"), Symbol("depth"), true);
    }

    // A script of words: "3-4" an update event, "S5" a snapshot, "T9" nine seconds later, "X" a lost
    // connection.
    void joinsUpdatesAndSnapshots_data()
    {
        QTest::addColumn<QString>("script");
        QTest::addColumn<Lines>("expected");

        QTest::newRow("the snapshot lies inside an event") << "1-2 3-6 S4" << Lines{"u 1-2", "s 4", "u 3-6"};
        QTest::newRow("the snapshot ends where an event ends")
            << "1-2 3-4 5-6 S4" << Lines{"u 1-2", "u 3-4", "s 4", "u 5-6"};
        QTest::newRow("the snapshot is ahead of all events")
            << "1-2 3-4 S9 5-9 10-12" << Lines{"u 1-2", "u 3-4", "s 9", "u 5-9", "u 10-12"};
        QTest::newRow("right behind the snapshot") << "1-2 S2 3-4" << Lines{"u 1-2", "s 2", "u 3-4"};
        QTest::newRow("the snapshot is older than the first event")
            << "10-12 S8 13-14 S13" << Lines{"u 10-12", "s 13", "u 13-14"};
        QTest::newRow("the first event follows the snapshot") << "10-12 S9" << Lines{"s 9", "u 10-12"};
        QTest::newRow("nothing before the first event") << "S8" << Lines{};
        QTest::newRow("a second snapshot when one is there")
            << "1-2 S2 3-4 S4" << Lines{"u 1-2", "s 2", "u 3-4"};
        QTest::newRow("a hole") << "1-2 S2 3-4 8-9 S9 10-11"
                                << Lines{"u 1-2", "s 2", "u 3-4",  "g 5-7 sequence",
                                         "u 8-9", "s 9", "u 10-11"};
        QTest::newRow("a hole before the snapshot")
            << "1-2 5-6 S6 7-8" << Lines{"u 1-2", "g 3-4 sequence", "u 5-6", "s 6", "u 7-8"};
        QTest::newRow("an overlap is no hole") << "1-2 S2 3-5 4-6" << Lines{"u 1-2", "s 2", "u 3-5", "u 4-6"};
        QTest::newRow("two connections bring the same")
            << "1-2 1-2 S2 3-4 5-6 3-4 5-6 7-8" << Lines{"u 1-2", "s 2", "u 3-4", "u 5-6", "u 7-8"};
        QTest::newRow("ids that began anew")
            << "7-8 S8 9-10 T20 1-2 S2 3-4"
            << Lines{"u 7-8", "s 8", "u 9-10", "g 0-0 sequence", "u 1-2", "s 2", "u 3-4"};
        QTest::newRow("older ones of a late connection")
            << "7-8 S8 9-10 T5 3-4 11-12" << Lines{"u 7-8", "s 8", "u 9-10", "u 11-12"};
        QTest::newRow("time away") << "1-2 S2 3-4 X 9-9 S9 10-10"
                                   << Lines{"u 1-2", "s 2", "u 3-4",  "g 5-8 disconnect",
                                            "u 9-9", "s 9", "u 10-10"};
        QTest::newRow("time away without a loss")
            << "1-2 S2 3-4 X 5-6 S6" << Lines{"u 1-2", "s 2", "u 3-4", "u 5-6", "s 6"};
        QTest::newRow("lost while waiting for the snapshot")
            << "1-2 X 7-8 S8" << Lines{"u 1-2", "g 3-6 disconnect", "u 7-8", "s 8"};
    }

    void joinsUpdatesAndSnapshots()
    {
        QFETCH(QString, script);
        QFETCH(Lines, expected);

        play(script);

        QCOMPARE(described(m_batches), expected);
    }

    void aStartOfEveryKindEndsWithTheSameBook()
    {
        // The snapshot at each possible id, each time with the events that come before and after it.
        for (int id = 1; id <= 6; ++id) {
            init();
            play(QStringLiteral("1-2 3-4 5-6"));
            snapshot(id);
            play(QStringLiteral("7-8"));
            QVERIFY(m_sync->isSynced());
            QCOMPARE(m_sync->book().bids().size(), std::size_t(1));
            QCOMPARE(m_sync->book().bids().back().quantity, Decimal({8, 0}));
        }
    }

    void wantsASnapshotOnlyWhenThereIsSomethingToJoinItWith()
    {
        QVERIFY(!m_sync->wantsSnapshot());
        play(QStringLiteral("1-2"));
        QVERIFY(m_sync->wantsSnapshot());
        snapshot(2);
        QVERIFY(!m_sync->wantsSnapshot());
        play(QStringLiteral("X"));
        QVERIFY(!m_sync->wantsSnapshot());
    }

    void holdsBackForABoundedTimeOnly()
    {
        play(QStringLiteral("1-2"));
        QVERIFY(described(m_batches).isEmpty());
        m_second += 11;
        play(QStringLiteral("3-4"));
        QCOMPARE(described(m_batches), Lines{"u 1-2"});

        snapshot(3);
        QCOMPARE(described(m_batches), (Lines{"u 1-2", "s 3", "u 3-4"}));
    }

    void holdsBackABoundedAmountOnly()
    {
        const std::vector<Level> many(4000, Level{{1, 0}, {1, 0}});
        for (int id = 1; id <= 20; ++id) {
            update(id, id, many, {});
            m_sync->expire(Timestamp::fromSeconds(m_second), m_out);
        }
        m_out.flush();
        // 20 x 128 kB came, four of them may be held.
        QVERIFY(described(m_batches).size() >= 16);
    }

    void aCrossedBookIsStartedAnew()
    {
        play(QStringLiteral("1-2 S2"));
        const std::vector<Level> bid{Level{{200, 0}, {1, 0}}};
        update(3, 3, bid, {});
        m_out.flush();

        QVERIFY(!m_sync->isSynced());
        QCOMPARE(described(m_batches), (Lines{"u 1-2", "s 2", "u 3-3", "g 0-0 sequence"}));
    }

    void tellsTwoHolesOfOneReadApart()
    {
        play(QStringLiteral("1-2 5-6 9-10"));

        QList<Gap> gaps;
        for (const BatchPtr &batch : std::as_const(m_batches)) {
            for (const Gap &gap : batch->rows<Gap>())
                gaps.append(gap);
        }
        QCOMPARE(gaps.size(), 2);
        QCOMPARE(gaps[0].ts_from, Timestamp::fromSeconds(m_second));
        QVERIFY(gaps[0].ts_from < gaps[1].ts_from);
    }

    void withoutBooksEverythingPassesAtOnce()
    {
        m_sync = std::make_unique<BookSync>(Symbol("BTCUSDT"), Symbol("depth"), false);
        play(QStringLiteral("1-2 3-4 7-8"));

        QVERIFY(!m_sync->wantsSnapshot());
        QCOMPARE(described(m_batches), (Lines{"u 1-2", "u 3-4", "g 5-6 sequence", "u 7-8"}));
    }

private:
    void play(const QString &script)
    {
        for (const QString &word : script.split(QLatin1Char(' '))) {
            if (word == QLatin1String("X")) {
                m_sync->disconnected(m_out);
            } else if (word.startsWith(QLatin1Char('T'))) {
                m_second += word.mid(1).toInt();
            } else if (word.startsWith(QLatin1Char('S'))) {
                snapshot(word.mid(1).toInt());
            } else {
                const QStringList ids = word.split(QLatin1Char('-'));
                // The bid's quantity is the id, so that a book shows what it stands at.
                const std::vector<Level> bids{Level{{100, 0}, {ids[1].toInt(), 0}}};
                const std::vector<Level> asks{Level{{101, 0}, {1, 0}}};
                update(ids[0].toInt(), ids[1].toInt(), bids, asks);
            }
        }
        m_out.flush();
    }

    void update(qint64 first, qint64 last, std::span<const Level> bids, std::span<const Level> asks)
    {
        BookUpdate header{.exchange = Symbol("binance"),
                          .symbol = Symbol("BTCUSDT"),
                          .ts_event = Timestamp::fromSeconds(m_second),
                          .ts_recv = Timestamp::fromSeconds(m_second),
                          .first_update_id = first,
                          .last_update_id = last};
        m_sync->update({header, bids, asks}, m_out);
    }

    void snapshot(qint64 id)
    {
        const Level bid{{100, 0}, {id, 0}};
        const Level ask{{101, 0}, {1, 0}};
        BookSnapshot header{.exchange = Symbol("binance"),
                            .symbol = Symbol("BTCUSDT"),
                            .ts_recv = Timestamp::fromSeconds(m_second),
                            .last_update_id = id,
                            .depth = 1000};
        m_sync->snapshot(header, {&bid, 1}, {&ask, 1}, m_out);
        m_out.flush();
    }

    QList<BatchPtr> m_batches;
    RecordsOut m_out{[this](const BatchPtr &batch) { m_batches.append(batch); }};
    std::unique_ptr<BookSync> m_sync;
    qint64 m_second = 100;
};

QTEST_GUILESS_MAIN(tst_BookSync)

#include "tst_book_sync.moc"
