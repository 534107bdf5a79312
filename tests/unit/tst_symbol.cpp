// SPDX-License-Identifier: Apache-2.0
#include <tidemill/symbol.h>

#include <QSet>
#include <QTest>

#include <atomic>
#include <thread>

using namespace tidemill;

namespace {

std::atomic<int> complaints = 0;

void countComplaints(QtMsgType type, const QMessageLogContext &, const QString &)
{
    if (type == QtCriticalMsg)
        ++complaints;
}

} // namespace

class tst_Symbol : public QObject
{
    Q_OBJECT

private slots:
    void isTheSameForTheSameName()
    {
        QByteArray name = "BTCUSDT";
        const Symbol symbol{QByteArrayView(name)};
        name.fill('x'); // the symbol has its own copy

        QCOMPARE(symbol, Symbol("BTCUSDT"));
        QCOMPARE(symbol, "BTCUSDT"_sym);
        QCOMPARE(symbol, Symbol(std::string_view("BTCUSDT-more", 7)));
        QCOMPARE(symbol.name(), "BTCUSDT");
        QCOMPARE(Symbol::fromId(symbol.id()), symbol);
        QCOMPARE(qHash(symbol), qHash("BTCUSDT"_sym));
        QVERIFY(symbol != "BTCUSDC"_sym);
        QVERIFY(symbol != "btcusdt"_sym);
    }

    void takesNamesOfAnyBytes_data()
    {
        QTest::addColumn<QByteArray>("name");
        QTest::newRow("one byte") << QByteArray("A");
        QTest::newRow("not ASCII") << QByteArray("币安人生USDT");
        QTest::newRow("with a null byte") << QByteArray("a\0b", 3);
        QTest::newRow("no UTF-8") << QByteArray("\xff\xfe");
        QTest::newRow("longest") << QByteArray(Symbol::maxLength, 'x');
    }

    void takesNamesOfAnyBytes()
    {
        QFETCH(QByteArray, name);

        const Symbol symbol{QByteArrayView(name)};

        QVERIFY(!symbol.isNull());
        QCOMPARE(symbol.name(), name);
        QCOMPARE(Symbol::find(name), symbol);
    }

    void isNullWithoutAName()
    {
        QVERIFY(Symbol().isNull());
        QVERIFY(Symbol("").isNull());
        QVERIFY(Symbol(QByteArrayView()).isNull());
        QVERIFY(Symbol(QByteArrayView(QByteArray(Symbol::maxLength + 1, 'x'))).isNull());
        QVERIFY(Symbol().name().isEmpty());
    }

    void findsOnlyWhatIsThere()
    {
        QVERIFY(Symbol::find("never seen before").isNull());
        QVERIFY(Symbol::find("never seen before").isNull());
        QVERIFY(Symbol::find("").isNull());
        QVERIFY(Symbol::fromId(0).isNull());
        QVERIFY(Symbol::fromId(Symbol::maxSymbols - 1).isNull());
        QVERIFY(Symbol::fromId(Symbol::maxSymbols).isNull());
        QVERIFY(Symbol::fromId(std::numeric_limits<quint32>::max()).isNull());
    }

    void isOneForAllThreads()
    {
        constexpr int threadCount = 4;
        constexpr int nameCount = 3000;
        std::array<std::vector<quint32>, threadCount> ids;
        std::atomic<int> ready = 0;
        std::atomic<int> wrongNames = 0;
        std::vector<std::thread> threads;
        for (int t = 0; t < threadCount; ++t) {
            threads.emplace_back([&, t] {
                ++ready;
                while (ready < threadCount) // all at once, so that they get in each other's way
                    std::this_thread::yield();
                for (int i = 0; i < nameCount; ++i) {
                    const QByteArray name = "thread-" + QByteArray::number(i);
                    const Symbol symbol{QByteArrayView(name)};
                    ids[std::size_t(t)].push_back(symbol.id());
                    if (symbol.name() != name)
                        ++wrongNames;
                }
            });
        }
        for (std::thread &thread : threads)
            thread.join();

        QCOMPARE(wrongNames, 0);
        for (int t = 1; t < threadCount; ++t)
            QVERIFY(ids[std::size_t(t)] == ids[0]);
        QCOMPARE(QSet<quint32>(ids[0].begin(), ids[0].end()).size(), nameCount);
    }

    // Last, because no other name fits afterwards.
    void refusesToGrowWithoutEnd()
    {
#ifdef __SANITIZE_THREAD__
        QSKIP("a million names take minutes here, and one thread has no races");
#endif
        const Symbol known = "BTCUSDT"_sym;
        const auto previous = qInstallMessageHandler(countComplaints);
        Symbol last;
        int refused = 0;
        for (int i = 0; i < Symbol::maxSymbols + 10; ++i) {
            const Symbol symbol(QByteArrayView("made-up-" + QByteArray::number(i)));
            if (symbol.isNull())
                ++refused;
            else
                last = symbol;
        }
        qInstallMessageHandler(previous);

        QVERIFY(refused > 10);
        QVERIFY(last.id() < quint32(Symbol::maxSymbols));
        QCOMPARE(complaints, 1); // said once, not for each
        QCOMPARE("BTCUSDT"_sym, known);
        QVERIFY(!last.name().isEmpty());
        QVERIFY(Symbol("one more").isNull());
    }
};

QTEST_GUILESS_MAIN(tst_Symbol)

#include "tst_symbol.moc"
