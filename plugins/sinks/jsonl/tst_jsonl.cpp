// SPDX-License-Identifier: Apache-2.0
#include <tidemill/json.h>
#include <tidemill/testing.h>

#include <QFile>
#include <QTemporaryDir>

#ifdef Q_OS_UNIX
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#endif

using namespace tidemill;

namespace {

BatchPtr trades(qint64 firstId, int count)
{
    BatchBuilder<Trade> builder;
    for (int i = 0; i < count; ++i)
        builder.append({.exchange = "binance"_sym,
                        .symbol = "BTCUSDT"_sym,
                        .ts_event = {1'723'161'255'308'000'000},
                        .ts_recv = {1'723'161'255'311'000'000},
                        .trade_id = firstId + i,
                        .price = "45123.50"_dec,
                        .quantity = "0.00010000"_dec,
                        .side = Side::Buy});
    return builder.finish();
}

QByteArray contents(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("(no such file)");
}

void write(const QString &path, const QByteArray &text)
{
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(text), text.size());
}

} // namespace

class tst_JsonLines : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        QVERIFY(m_folder->isValid());
    }

    void appendsOneLineForEachRecord()
    {
        const QString path = m_folder->filePath("missing/folders/out.jsonl");
        const auto sink = start(path);
        QSignalSpy delivered(sink.get(), &Sink::delivered);
        const BatchPtr first = trades(1, 2);
        const BatchPtr second = testing::batch({Quote{.update_id = 9, .bid_price = "0.10"_dec}});

        sink->receive(first);
        sink->receive(second);
        QCOMPARE(delivered.size(), 0);
        QCOMPARE(contents(path), QByteArray());
        sink->flush();

        QCOMPARE(testing::batches(delivered), (QList<BatchPtr>{first, second}));
        QCOMPARE(contents(path), testing::printed({first, second}));
        QVERIFY(contents(path).startsWith(R"({"type":"trade","exchange":"binance",)"));
        QVERIFY(contents(path).contains(R"("price":"45123.50","quantity":"0.00010000")"));
    }

    void leavesTheTypeOutOnRequest()
    {
        const QString path = m_folder->filePath("out.jsonl");
        const auto sink = start(path, {{"with_type", false}});

        sink->receive(trades(1, 1));
        sink->flush();

        QVERIFY(contents(path).startsWith(R"({"exchange":"binance",)"));
    }

    void writesTheMembersThatWereAskedFor()
    {
        const QString path = m_folder->filePath("out.jsonl");
        const QVariantMap fields{{"event_time", "%{ts_event:naive}"},
                                 {"id", "trade_id"},
                                 {"price", "price"},
                                 {"say \"it\"", "%{symbol} at %{price}, 100%%"},
                                 {"seconds", "%{ts_event:epoch}"}};
        const auto sink = start(path, {{"with_type", false}, {"fields", fields}});

        sink->receive(trades(7, 1));
        sink->flush();

        QCOMPARE(contents(path),
                 QByteArray("{\"event_time\":\"2024-08-08T23:54:15.308000\",\"id\":7,\"price\":\"45123.50\","
                            "\"say \\\"it\\\"\":\"BTCUSDT at 45123.50, 100%\",\"seconds\":1723161255}\n"));
    }

    void rejectsRecordsWithoutTheFields()
    {
        const QString path = m_folder->filePath("out.jsonl");
        const auto sink = start(path, {{"fields", QVariantMap{{"id", "trade_id"}}}});
        QSignalSpy rejected(sink.get(), &Sink::rejected);
        QSignalSpy delivered(sink.get(), &Sink::delivered);
        const BatchPtr good = trades(7, 1);

        sink->receive(testing::batch({Quote{.update_id = 9}}));
        sink->receive(good);
        sink->flush();

        QCOMPARE(rejected.size(), 1);
        QCOMPARE(rejected.first().at(1).value<Error>().message, "quote has no field 'trade_id'");
        QCOMPARE(testing::batches(delivered), QList<BatchPtr>{good});
        QCOMPARE(contents(path), QByteArray("{\"type\":\"trade\",\"id\":7}\n"));
    }

    void tellsWhatIsWrongWithFields_data()
    {
        QTest::addColumn<QVariant>("fields");
        QTest::addColumn<QString>("message");

        QTest::newRow("a list") << QVariant(QStringList{"price"})
                                << "fields: expected a map from members to fields, got a list";
        QTest::newRow("a list in it") << QVariant(QVariantMap{{"a", QStringList{"price"}}})
                                      << "fields.a: expected a field or a text, got a list";
        QTest::newRow("a format that is none")
            << QVariant(QVariantMap{{"a", "%{price:hex}"}})
            << "fields.a: expected json, isoformat, naive or epoch behind the colon, got 'price:hex'";
    }

    void tellsWhatIsWrongWithFields()
    {
        QFETCH(QVariant, fields);
        QFETCH(QString, message);

        const auto node = testing::create<Sink>("jsonl", {{"path", "x"}, {"fields", fields}});

        QVERIFY(!node);
        QCOMPARE(node.error().message, message);
    }

    void appendsToWhatIsThere_data()
    {
        QTest::addColumn<QByteArray>("before");
        QTest::addColumn<QByteArray>("kept");

        QTest::newRow("nothing") << QByteArray() << QByteArray();
        QTest::newRow("whole lines") << QByteArray("{\"a\":1}\n{\"b\":2}\n")
                                     << QByteArray("{\"a\":1}\n{\"b\":2}\n");
        QTest::newRow("a torn line") << QByteArray("{\"a\":1}\n{\"b\":") << QByteArray("{\"a\":1}\n");
        QTest::newRow("only a torn line") << QByteArray("{\"b") << QByteArray();
        QTest::newRow("a whole line without its end")
            << QByteArray("{\"a\":1}\n{\"b\":2}") << QByteArray("{\"a\":1}\n{\"b\":2}\n");
        const QByteArray large = "{\"a\":\"" + QByteArray(200'000, 'x') + "\"}\n";
        QTest::newRow("a long torn line") << large + large.left(150'000) << large;
    }

    void appendsToWhatIsThere()
    {
        QFETCH(QByteArray, before);
        QFETCH(QByteArray, kept);
        const QString path = m_folder->filePath("out.jsonl");
        write(path, before);
        const auto sink = start(path);
        const BatchPtr batch = trades(7, 1);

        sink->receive(batch);
        sink->flush();

        QCOMPARE(contents(path), kept + testing::printed({batch}));
    }

    void refusesAFileThatCannotBeMade()
    {
        write(m_folder->filePath("file"), "x");
        const QString path = m_folder->filePath("file/out.jsonl");
        const auto node = testing::create<Sink>("jsonl", {{"path", path}});
        TIDEMILL_VERIFY(node);

        const Result<> started = (*node)->start();

        QVERIFY(!started);
        QCOMPARE(started.error().kind, Error::Kind::Storage);
        QVERIFY2(started.error().message.contains(path), qPrintable(started.error().message));
    }

    void needsAPath()
    {
        const auto node = testing::create<Sink>("jsonl");

        QVERIFY(!node);
        QVERIFY2(node.error().message.startsWith("path: is required"), qPrintable(node.error().message));
    }

#ifdef Q_OS_UNIX
    // A limit on the size of files makes the system write a part and then refuse, as a full disk does.
    void leavesNoTornLineWhenTheDiskIsFull()
    {
        const QString path = m_folder->filePath("out.jsonl");
        const auto sink = start(path);
        QSignalSpy delivered(sink.get(), &Sink::delivered);
        QSignalSpy failed(sink.get(), &Node::failed);
        const BatchPtr first = trades(1, 10);
        const BatchPtr second = trades(11, 1000);
        sink->receive(first);
        sink->flush();

        signal(SIGXFSZ, SIG_IGN);
        rlimit before{};
        QCOMPARE(getrlimit(RLIMIT_FSIZE, &before), 0);
        const rlimit full{rlim_t(testing::printed({first}).size() + 5000), before.rlim_max};
        QCOMPARE(setrlimit(RLIMIT_FSIZE, &full), 0);
        sink->receive(second);
        sink->flush();
        QCOMPARE(setrlimit(RLIMIT_FSIZE, &before), 0);

        QCOMPARE(failed.size(), 1);
        const auto error = failed.first().first().value<Error>();
        QCOMPARE(error.kind, Error::Kind::Storage);
        QVERIFY2(error.message.contains("wrote 5000 of"), qPrintable(error.message));
        QCOMPARE(testing::batches(delivered), QList<BatchPtr>{first});
        QCOMPARE(contents(path), testing::printed({first}));

        sink->receive(second);
        sink->flush();

        QCOMPARE(testing::batches(delivered), (QList<BatchPtr>{first, second}));
        QCOMPARE(contents(path), testing::printed({first, second}));
    }

    void goesOnWhereAPipeStopped()
    {
        auto output = std::make_unique<StandardOutput>();
        const auto sink = start("-");
        QSignalSpy delivered(sink.get(), &Sink::delivered);
        QSignalSpy failed(sink.get(), &Node::failed);
        const QList<BatchPtr> all{trades(1, 100), trades(101, 1000), trades(1101, 1000)};

        QByteArray received;
        int offers = 0;
        while (delivered.size() < all.size() && ++offers < 100) {
            for (qsizetype i = delivered.size(); i < all.size(); ++i)
                sink->receive(all[i]);
            sink->flush();
            received += output->readAll();
        }
        output.reset(); // what a check says must be seen

        QCOMPARE(testing::batches(delivered), all);
        QCOMPARE(received, testing::printed(all));
        QVERIFY(!failed.isEmpty());
        QCOMPARE(int(failed.size()), offers - 1);
    }

    void beginsANewLineIfATornBatchWasGivenUp()
    {
        auto output = std::make_unique<StandardOutput>();
        const auto sink = start("-");
        sink->receive(trades(1, 1000));
        sink->flush();
        const QByteArray torn = output->readAll();
        const BatchPtr next = trades(5000, 2);

        sink->receive(next);
        sink->flush();
        const QByteArray behind = output->readAll();
        output.reset(); // what a check says must be seen

        QVERIFY(!torn.isEmpty() && !torn.endsWith('\n'));
        QCOMPARE(behind, '\n' + testing::printed({next}));
    }
#endif

private:
    NodePtr<Sink> start(const QString &path, QVariantMap options = {})
    {
        options.insert("path", path);
        auto node = testing::create<Sink>("jsonl", options);
        if (!node)
            qFatal("%s", qPrintable(node.error().message));
        if (const auto started = (*node)->start(); !started)
            qFatal("%s", qPrintable(started.error().message));
        return *std::move(node);
    }

#ifdef Q_OS_UNIX
    // While it lives, the process' standard output is a pipe of this object that takes what fits and then
    // refuses.
    class StandardOutput
    {
    public:
        StandardOutput()
        {
            fflush(stdout);
            m_saved = dup(STDOUT_FILENO);
            if (pipe2(m_ends, O_NONBLOCK | O_CLOEXEC) == 0)
                dup2(m_ends[1], STDOUT_FILENO);
        }
        ~StandardOutput()
        {
            dup2(m_saved, STDOUT_FILENO);
            for (const int descriptor : {m_saved, m_ends[0], m_ends[1]})
                close(descriptor);
        }
        Q_DISABLE_COPY_MOVE(StandardOutput)

        QByteArray readAll() const
        {
            QByteArray all;
            QByteArray piece(65'536, '\0');
            for (;;) {
                const ssize_t count = read(m_ends[0], piece.data(), size_t(piece.size()));
                if (count <= 0)
                    return all;
                all.append(piece.constData(), count);
            }
        }

    private:
        int m_saved = -1;
        int m_ends[2] = {-1, -1};
    };
#endif

    std::unique_ptr<QTemporaryDir> m_folder;
};

QTEST_GUILESS_MAIN(tst_JsonLines)

#include "tst_jsonl.moc"
