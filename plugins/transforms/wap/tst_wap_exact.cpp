// SPDX-License-Identifier: Apache-2.0
// wap against tests/exact/wap.py, on a small tape of our own and on recordings where there are any.

#include "wap_test.h"

#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QUrlQuery>

using namespace tidemill;

namespace {

// The depth events of one symbol of a tape as a source would emit them: changes wait for the snapshot.
class Tape
{
public:
    Tape(const QString &path, const QString &symbol) : m_symbol(symbol)
    {
        QFile file(path);
        if (!file.open(QIODevice::ReadOnly))
            qFatal("%s: %s", qPrintable(path), qPrintable(file.errorString()));
        while (!file.atEnd())
            read(file.readLine().trimmed());
        for (const QJsonObject &message : m_held)
            emitUpdate(message);
    }

    QList<BatchPtr> batches;

private:
    void read(const QByteArray &line)
    {
        const qsizetype connection = line.indexOf('\t', line.indexOf('\t') + 1) + 1;
        const qsizetype payload = line.indexOf('\t', connection) + 1;
        const QByteArray kind = line.split('\t').value(1);
        if (kind == "http") {
            const qsizetype body = line.indexOf('\t', payload) + 1;
            const QUrl url = QUrl::fromEncoded(line.mid(payload, body - 1 - payload));
            if (QUrlQuery(url).queryItemValue(QStringLiteral("symbol")) == m_symbol)
                takeSnapshot(QJsonDocument::fromJson(line.mid(body)).object());
        } else if (kind == "recv") {
            const QJsonObject frame = QJsonDocument::fromJson(line.mid(payload)).object();
            if (frame.contains(QStringLiteral("lastUpdateId")))
                takeSnapshot(frame);
            else if (frame[QStringLiteral("stream")].toString() ==
                     m_symbol.toLower() + QStringLiteral("@depth@100ms"))
                takeUpdate(frame[QStringLiteral("data")].toObject());
        }
    }

    void takeSnapshot(const QJsonObject &message)
    {
        const qint64 id = message[QStringLiteral("lastUpdateId")].toInteger();
        if (m_last != 0)
            return;
        QList<QJsonObject> behind;
        for (const QJsonObject &held : m_held) {
            if (held[QStringLiteral("u")].toInteger() > id)
                behind.append(held);
            else
                emitUpdate(held);
        }
        m_held.clear();
        BatchBuilder<BookSnapshot> builder;
        builder.append({.symbol = Symbol(m_symbol.toUtf8()),
                        .last_update_id = id,
                        .bids = builder.levels(levels(message[QStringLiteral("bids")])),
                        .asks = builder.levels(levels(message[QStringLiteral("asks")]))});
        batches.append(builder.finish());
        m_last = id;
        for (const QJsonObject &held : behind)
            takeUpdate(held);
    }

    void takeUpdate(const QJsonObject &message)
    {
        if (m_last == 0 || message[QStringLiteral("U")].toInteger() > m_last + 1) {
            m_last = 0;
            m_held.append(message);
        } else {
            emitUpdate(message);
            m_last = message[QStringLiteral("u")].toInteger();
        }
    }

    void emitUpdate(const QJsonObject &message)
    {
        BatchBuilder<BookUpdate> builder;
        builder.append({.symbol = Symbol(m_symbol.toUtf8()),
                        .first_update_id = message[QStringLiteral("U")].toInteger(),
                        .last_update_id = message[QStringLiteral("u")].toInteger(),
                        .bids = builder.levels(levels(message[QStringLiteral("b")])),
                        .asks = builder.levels(levels(message[QStringLiteral("a")]))});
        batches.append(builder.finish());
    }

    static std::vector<Level> levels(const QJsonValue &rows)
    {
        std::vector<Level> result;
        for (const QJsonValue &row : rows.toArray())
            result.push_back({Decimal::parse(row[0].toString().toLatin1()).value(),
                              Decimal::parse(row[1].toString().toLatin1()).value()});
        return result;
    }

    QString m_symbol;
    QList<QJsonObject> m_held;
    qint64 m_last = 0;
};

QString sourcePath(const char *path)
{
    return QStringLiteral(TIDEMILL_SOURCE_DIR "/") + QLatin1String(path);
}

struct Run
{
    int exitCode = -1; // if it did not even start
    QByteArray output;
    QString error;
};

Run runPython(const QStringList &arguments)
{
    QProcess python;
    python.start(QStringLiteral("python3"), QStringList(QStringLiteral("-B")) + arguments);
    if (!python.waitForFinished(60'000))
        return {-1, {}, python.errorString()};
    return {python.exitCode(), python.readAllStandardOutput(),
            QString::fromUtf8(python.readAllStandardError())};
}

// What tests/exact/wap.py says.
Result<QByteArray> computed(const QString &tape, const QString &symbol, const QString &of)
{
    const Run run = runPython({sourcePath("tests/exact/wap.py"), tape, QStringLiteral("--symbol"), symbol,
                               QStringLiteral("--of"), of});
    if (run.exitCode != 0)
        return Error{Error::Kind::Internal, run.error};
    return run.output;
}

} // namespace

class tst_WapExact : public QObject
{
    Q_OBJECT

private:
    // What the plugin makes of a tape.
    static Result<QByteArray> made(const QString &tape, const QString &symbol, const QString &of)
    {
        auto node = testing::create<Transform>("wap", {{"of", of}});
        if (!node)
            return node.error();
        const QSignalSpy emitted(node->get(), &Transform::emitted);
        if (const auto started = (*node)->start(); !started)
            return started.error();
        for (const BatchPtr &batch : Tape(tape, symbol).batches)
            (*node)->receive(batch);
        return testing::waps(emitted);
    }

private slots:
    void agreesWithTheSmallTape_data()
    {
        QTest::addColumn<QString>("of");
        QTest::newRow("message") << "message";
        QTest::newRow("book") << "book";
    }

    void agreesWithTheSmallTape()
    {
        QFETCH(QString, of);
        const QString path = sourcePath("tests/golden/depth_small.tape");

        const auto prices = made(path, QStringLiteral("DEMOUSDT"), of);

        TIDEMILL_VERIFY(prices);

        QFile golden(sourcePath("tests/golden/depth_small.") + of + QStringLiteral(".tsv"));
        QVERIFY2(golden.open(QIODevice::ReadOnly), qPrintable(golden.errorString()));
        QCOMPARE(*prices, golden.readAll());
        const auto python = computed(path, QStringLiteral("DEMOUSDT"), of);
        TIDEMILL_VERIFY(python);
        QCOMPARE(*prices, *python);
    }

    // tests/exact/compare_stored.py is what end-to-end tests trust, so it must see every kind of difference.
    void findsDifferencesInADatabase_data()
    {
        QTest::addColumn<QString>("change"); // SQL
        QTest::addColumn<int>("exitCode");
        QTest::addColumn<QByteArray>("said");

        QTest::newRow("none") << "" << 0 << QByteArray("11 stored, 11 computed, 0 differences");
        QTest::newRow("a digit") << "UPDATE wap SET price = '99.6050' WHERE update_id = 105" << 1
                                 << QByteArray("105: stored 99.6050, computed 99.605");
        QTest::newRow("a row too few") << "DELETE FROM wap WHERE update_id = 114" << 1
                                       << QByteArray("114: not stored, computed 100.775");
        QTest::newRow("a row too many") << "INSERT INTO wap VALUES ('DEMOUSDT', 'message', 5, 999, '1')" << 1
                                        << QByteArray("999: stored 1, but no price was to come");
        QTest::newRow("a row twice") << "INSERT INTO wap SELECT * FROM wap WHERE update_id = 103" << 1
                                     << QByteArray("103: stored twice");
        QTest::newRow("of another symbol") << "INSERT INTO wap VALUES ('OTHER', 'message', 5, 999, '1')" << 0
                                           << QByteArray("11 stored, 11 computed, 0 differences");
        QTest::newRow("no table") << "DROP TABLE wap" << 2 << QByteArray();
    }

    void findsDifferencesInADatabase()
    {
        QFETCH(QString, change);
        QFETCH(int, exitCode);
        QFETCH(QByteArray, said);
        const QTemporaryDir folder;
        const QString database = folder.filePath("test.sqlite");
        const QString script =
            "import sqlite3, sys\n"
            "with sqlite3.connect(sys.argv[1]) as db:\n"
            "    db.execute('CREATE TABLE wap (symbol, of, levels INTEGER, update_id INTEGER, price TEXT)')\n"
            "    for line in open(sys.argv[2]):\n"
            "        row = ['DEMOUSDT', 'message'] + line.split()\n"
            "        db.execute('INSERT INTO wap VALUES (?, ?, 5, ?, ?)', row)\n"
            "    db.execute(sys.argv[3])\n";
        const Run filled = runPython({QStringLiteral("-c"), script, database,
                                      sourcePath("tests/golden/depth_small.message.tsv"),
                                      change.isEmpty() ? QStringLiteral("SELECT 1") : change});
        QVERIFY2(filled.exitCode == 0, qPrintable(filled.error));

        const Run compared = runPython({sourcePath("tests/exact/compare_stored.py"), database,
                                        sourcePath("tests/golden/depth_small.tape"),
                                        QStringLiteral("--symbol"), QStringLiteral("DEMOUSDT")});

        QCOMPARE(compared.exitCode, exitCode);
        QVERIFY2(compared.output.contains(said), compared.output);
    }

    void agreesWithRecordedTapes_data()
    {
        QTest::addColumn<QString>("tape");
        QTest::addColumn<QString>("symbol");
        QTest::addColumn<QString>("of");

        const QString eth = QStringLiteral("dev_ethusdt_depth-bookTicker-trade_2024-08-08.tape");
        const QString three = QStringLiteral("dev_3sym_aggTrade-depth-kline_2021-04-04.tape");
        const QString ten = QStringLiteral("dev_10sym_aggTrade-depth-bookTicker-kline_2021-04-17.tape");
        for (const char *of : {"message", "book"}) {
            QTest::addRow("ETHUSDT 2024 %s", of) << eth << "ETHUSDT" << of;
            QTest::addRow("BTCUSDT 2021 %s", of) << three << "BTCUSDT" << of;
            QTest::addRow("VETETH 2021 %s", of) << ten << "VETETH" << of;
        }
    }

    void agreesWithRecordedTapes()
    {
        QFETCH(QString, tape);
        QFETCH(QString, symbol);
        QFETCH(QString, of);
        const QString path = sourcePath("../shared/data/ws/binance-spot/") + tape;
        if (!QFileInfo::exists(path))
            QSKIP("no recordings here");

        const auto prices = made(path, symbol, of);

        TIDEMILL_VERIFY(prices);

        const auto python = computed(path, symbol, of);
        TIDEMILL_VERIFY(python);
        QVERIFY(python->count('\n') > 50);
        QCOMPARE(*prices, *python);
    }
};

QTEST_GUILESS_MAIN(tst_WapExact)

#include "tst_wap_exact.moc"
