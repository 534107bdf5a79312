// SPDX-License-Identifier: Apache-2.0
#include <tidemill/net/source_options.h>

#include <QSet>
#include <QTest>

using namespace tidemill;

// Which collector has which symbols.
class tst_Shards : public QObject
{
    Q_OBJECT

private slots:
    void givesEachSymbolToOne()
    {
        QStringList symbols;
        for (int number = 0; number < 1000; ++number)
            symbols.append(QStringLiteral("SYM%1USDT").arg(number));
        for (const int count : {1, 2, 3, 7, 16}) {
            QSet<QString> all;
            for (int shard = 1; shard <= count; ++shard) {
                const QStringList part = ours(symbols, QStringLiteral("%1/%2").arg(shard).arg(count));
                QVERIFY2(
                    part.size() > 1000 / count * 2 / 3 && part.size() < 1000 / count * 3 / 2 + 2,
                    qPrintable(QStringLiteral("%1 of shard %2/%3").arg(part.size()).arg(shard).arg(count)));
                for (const QString &symbol : part) {
                    QVERIFY(!all.contains(symbol));
                    all.insert(symbol);
                }
            }
            QCOMPARE(all.size(), symbols.size());
        }
    }

    // For ever: a version that gave them out otherwise would collect some twice and some not at all while
    // only one of two machines has it.
    void givesThemOutAsEver()
    {
        const QStringList symbols{"BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT", "DOTUSDT"};
        QCOMPARE(ours(symbols, "1/4"), QStringList({"BTCUSDT", "SOLUSDT"}));
        QCOMPARE(ours(symbols, "2/4"), QStringList({"DOTUSDT"}));
        QCOMPARE(ours(symbols, "3/4"), QStringList({"BNBUSDT"}));
        QCOMPARE(ours(symbols, "4/4"), QStringList({"ETHUSDT", "ADAUSDT"}));
        QCOMPARE(ours(symbols, "1/1"), symbols);
        QCOMPARE(ours(symbols, ""), symbols);
    }

    void refuses_data()
    {
        QTest::addColumn<QString>("shard");
        for (const char *shard :
             {"0/4", "5/4", "1", "1/", "/4", "a/b", "1/4/2", "-1/4", "1/1001", "1/0", "1 of 4"})
            QTest::newRow(shard) << shard;
    }

    void refuses()
    {
        QFETCH(QString, shard);
        net::SourceOptions options("wss://h", "https://h");
        options.shard = shard;
        const OptionErrors errors = options.validate();
        QCOMPARE(errors.size(), 1);
        QCOMPARE(
            errors.first().toString(),
            QStringLiteral("shard: expected K/N with K from 1 to N and N up to 1000, such as 1/4, got '%1'")
                .arg(shard));
    }

private:
    static QStringList ours(const QStringList &symbols, const QString &shard)
    {
        net::SourceOptions options("wss://h", "https://h");
        options.shard = shard;
        return options.ours(symbols);
    }
};

QTEST_GUILESS_MAIN(tst_Shards)

#include "tst_shards.moc"
