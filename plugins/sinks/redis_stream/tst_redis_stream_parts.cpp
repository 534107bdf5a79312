// SPDX-License-Identifier: Apache-2.0
#include "entry_form.h"
#include "known_entries.h"

#include <tidemill/json.h>
#include <tidemill/redis/command.h>
#include <tidemill/testing.h>

#include <QRandomGenerator>
#include <QSet>

#include <deque>

using namespace tidemill;
using namespace tidemill::redis_stream;

class tst_RedisStreamParts : public QObject
{
    Q_OBJECT

private slots:
    void remembersTheNewest_data()
    {
        QTest::addColumn<bool>("hasNumbers");

        QTest::newRow("without numbers") << false;
        QTest::newRow("by numbers that mostly rise") << true;
    }

    void remembersTheNewest()
    {
        QFETCH(bool, hasNumbers);
        QRandomGenerator random(7);
        KnownEntries known;
        std::deque<quint64> model;
        quint64 from = 0;
        const auto has = [&model](quint64 identity) {
            return std::find(model.begin(), model.end(), identity) != model.end();
        };
        for (int step = 0; step < 20000; ++step) {
            const quint32 choice = random.bounded(100U);
            // Few bits, so that many land in the same places and some are there already.
            // They rise for a while, long enough for the table to be given up, and then come from anywhere.
            const bool isRising = hasNumbers && step % 1000 < 700;
            const quint64 number = isRising ? quint64(step) : quint64(random.bounded(400U)) + from;
            const quint64 identity = number * 64 + 1;
            if (!isRising)
                from = quint64(qMax(0, step - 200));
            if (choice < 80) {
                QCOMPARE(known.add({identity, hasNumbers ? qint64(number) : -1}), !has(identity));
                if (!has(identity))
                    model.push_back(identity);
            } else if (choice < 90) {
                const auto count = qsizetype(random.bounded(5U));
                known.dropNewest(count);
                for (qsizetype i = 0; i < count && !model.empty(); ++i)
                    model.pop_back();
            } else {
                known.trim(100);
                while (model.size() > 100)
                    model.pop_front();
            }
            QCOMPARE(known.size(), qsizetype(model.size()));
            QCOMPARE(known.contains(identity), has(identity));
        }
        for (quint64 identity = 1; identity < 400 * 64; identity += 64)
            QCOMPARE(known.contains(identity), has(identity));
        known.dropNewest(1000);
        QCOMPARE(known.size(), qsizetype(0));
        QVERIFY(known.add({0}));
        QVERIFY(!known.add({0}));
        QVERIFY(known.contains(0));
    }

    void printsTimesAsTemplatesDo()
    {
        const auto text = TextTemplate::parse(QStringLiteral("%{ts_event:naive}"));
        TIDEMILL_VERIFY(text);
        auto naive = *text;
        TIDEMILL_VERIFY(naive.resolve(schemaOf<Trade>()));
        EntryForm form = tradeForm();
        QRandomGenerator random(3);
        for (int i = 0; i < 2000; ++i) {
            qint64 ns = qint64(random.generate64() >> 2);
            if (i % 3 == 0)
                ns -= ns % 1000000;
            if (i % 7 == 0)
                ns -= ns % 1000000000;
            if (i % 11 == 0)
                ns = -ns / 100;
            const auto batch = testing::batch<Trade>({{.exchange = "x"_sym, .ts_event = {ns}}});
            QByteArray expected;
            naive.appendTo(expected, *batch, 0);
            QByteArray words;
            {
                redis::RespWriter out(words);
                form.appendFields(out, *batch, 0);
            }
            QByteArray wanted;
            redis::appendWord(wanted, QByteArrayView("ts"));
            redis::appendWord(wanted, expected);
            QVERIFY2(words.contains(wanted), (words + " lacks " + wanted).constData());
        }
    }

    void printsDecimalsAsTheyAre()
    {
        QRandomGenerator random(5);
        for (int i = 0; i < 20000; ++i) {
            const auto exponent = qint8(random.bounded(24) - 21);
            const auto mantissa = qint64(random.generate64()) >> random.bounded(64);
            const Decimal decimal{mantissa, exponent};
            QCOMPARE(printed(decimal), decimal.toString());
        }
        for (const Decimal decimal : {Decimal{}, Decimal::null(), Decimal{0, -8}, Decimal{-5, -1},
                                      Decimal{std::numeric_limits<qint64>::min(), -18}}) {
            QCOMPARE(printed(decimal), decimal.toString());
        }
    }

    void printsNumbersAsTheyAre()
    {
        const auto check = [](auto number) {
            QByteArray command;
            {
                redis::RespWriter out(command);
                QCOMPARE(appendNumber(out, number).toByteArray(), QByteArray::number(number));
            }
            QByteArray expected;
            redis::appendWord(expected, QByteArray::number(number));
            QCOMPARE(command, expected);
        };
        QRandomGenerator random(6);
        for (int i = 0; i < 20000; ++i) {
            const quint64 number = random.generate64() >> random.bounded(64);
            check(number);
            check(qint64(number));
            check(-qint64(number >> 1));
        }
        for (quint64 power = 1; power <= 1000000000000000000; power *= 10) {
            check(power - 1);
            check(power);
        }
        check(std::numeric_limits<qint64>::min());
        check(std::numeric_limits<quint64>::max());
    }

    // What is read back from Redis is the same record, and only that.
    void knowsItsOwnEntries()
    {
        EntryForm form = tradeForm();
        const auto batch = testing::batch<Trade>({
            {.exchange = "binance"_sym, .symbol = "BTCUSDT"_sym, .trade_id = 5, .price = "1.50"_dec},
            {.exchange = "binance"_sym, .symbol = "BTCUSDT"_sym, .trade_id = 5, .price = "2"_dec},
            {.exchange = "binance"_sym, .symbol = "BTCUSDT"_sym, .trade_id = 6, .price = "1.50"_dec},
        });
        const Identity first = form.identityOf(*batch, 0);
        QCOMPARE(form.identityOf(*batch, 1), first); // the key is the same
        QVERIFY(form.identityOf(*batch, 2) != first);

        const auto entry = [](const QList<QByteArray> &words) {
            std::vector<redis::Reply> replies;
            for (const QByteArray &word : words)
                replies.push_back(redis::Reply::ofText(redis::Reply::Kind::Text, word));
            return replies;
        };
        const QList<QByteArray> inOrder{"exchange", "binance", "pair",  "BTCUSDT", "price", "9",
                                        "qty",      "",        "ts",    "",        "side",  "buy",
                                        "trade_id", "5",       "ts_ms", ""};
        const auto ours = entry(inOrder);
        QCOMPARE(form.identityOf(redis::Reply::ofArray(ours)), std::optional(first));
        const QList<QByteArray> shuffled{"trade_id", "5",       "more",     "1",
                                         "pair",     "BTCUSDT", "exchange", "binance"};
        const auto same = entry(shuffled);
        QCOMPARE(form.identityOf(redis::Reply::ofArray(same)), std::optional(first));
        const QList<QByteArray> without{"exchange", "binance", "pair", "BTCUSDT"};
        const auto foreign = entry(without);
        QVERIFY(!form.identityOf(redis::Reply::ofArray(foreign)));
        const QList<QByteArray> odd{"exchange", "binance", "pair", "BTCUSDT", "trade_id"};
        const auto broken = entry(odd);
        QVERIFY(form.identityOf(redis::Reply::ofArray(broken)) != std::optional(first));
    }

    void tellsRecordTypesApart()
    {
        OptionErrors errors;
        const auto mappings = EntryMappings::parse({}, {}, false, errors);
        auto wap = EntryForm::make(schemaOf<Wap>(), mappings, true, 2, errors);
        auto snapshot = EntryForm::make(schemaOf<BookSnapshot>(), mappings, true, 2, errors);
        QVERIFY(errors.isEmpty());
        QVERIFY(wap.identityOf(*testing::batch<Wap>({{}}), 0) !=
                snapshot.identityOf(*testing::batch<BookSnapshot>({{}}), 0));
    }

private:
    static QByteArray printed(Decimal decimal)
    {
        QByteArray command;
        QByteArray text;
        {
            redis::RespWriter out(command);
            text = appendDecimal(out, decimal).toByteArray();
        }
        QByteArray expected;
        redis::appendWord(expected, text);
        return command == expected ? text : "not in RESP: " + command;
    }

    static EntryForm tradeForm()
    {
        OptionErrors errors;
        const auto mappings = EntryMappings::parse({}, {}, false, errors);
        return EntryForm::make(schemaOf<Trade>(), mappings, true, 2, errors);
    }
};

QTEST_GUILESS_MAIN(tst_RedisStreamParts)

#include "tst_redis_stream_parts.moc"
