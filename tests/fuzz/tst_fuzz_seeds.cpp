// SPDX-License-Identifier: Apache-2.0
#include <QDir>
#include <QFile>
#include <QTest>

#include <algorithm>
#include <random>

// The fuzz targets without a fuzzer: every committed seed, and some thousand mutations of them, the same ones
// in every run. A target that finds something ends the process; what it was given then lies in
// tests/fuzz/TARGET.input of the build folder.

extern "C" {
int fuzz_binance_bulk_file(const std::uint8_t *data, std::size_t size);
int fuzz_binance_decoder(const std::uint8_t *data, std::size_t size);
int fuzz_capture_reader(const std::uint8_t *data, std::size_t size);
int fuzz_coinbase_advanced_session(const std::uint8_t *data, std::size_t size);
int fuzz_coinbase_exchange_session(const std::uint8_t *data, std::size_t size);
int fuzz_kraken_session(const std::uint8_t *data, std::size_t size);
int fuzz_pipeline_file(const std::uint8_t *data, std::size_t size);
int fuzz_sbe_frame(const std::uint8_t *data, std::size_t size);
int fuzz_sbe_schema(const std::uint8_t *data, std::size_t size);
int fuzz_spool_reader(const std::uint8_t *data, std::size_t size);
int fuzz_values(const std::uint8_t *data, std::size_t size);
int fuzz_websocket_frames(const std::uint8_t *data, std::size_t size);
int fuzz_websocket_handshake(const std::uint8_t *data, std::size_t size);
}

namespace {

using Target = int (*)(const std::uint8_t *, std::size_t);

constexpr int mutationCount = 3000;

// One to four changes of the kinds that find most: a byte, a bit, a piece less, a piece of another seed more.
QByteArray mutated(QByteArray bytes, const QByteArray &other, std::mt19937 &random)
{
    const auto below = [&random](qsizetype limit) {
        return limit < 1 ? 0 : qsizetype(random() % quint64(limit));
    };
    for (auto changes = 1 + below(4); changes > 0; --changes) {
        const qsizetype at = below(bytes.size());
        const qsizetype from = below(other.size());
        switch (bytes.isEmpty() ? 3 : below(4)) {
        case 0:
            bytes[at] = char(random());
            break;
        case 1:
            bytes[at] = char(bytes[at] ^ (1 << below(8)));
            break;
        case 2:
            bytes.remove(at, 1 + below(20));
            break;
        default:
            bytes.insert(at, other.mid(from, 1 + below(40)));
        }
    }
    return bytes;
}

QList<QByteArray> seedsOf(const QString &target)
{
    QList<QByteArray> seeds;
    const QDir folder(QStringLiteral(TIDEMILL_SOURCE_DIR "/tests/fuzz/corpus/") + target);
    for (const QString &name : folder.entryList(QDir::Files, QDir::Name)) {
        QFile file(folder.filePath(name));
        if (file.open(QIODevice::ReadOnly))
            seeds.append(file.readAll());
    }
    return seeds;
}

} // namespace

Q_DECLARE_METATYPE(Target)

class tst_FuzzSeeds : public QObject
{
    Q_OBJECT

private slots:
    void standsSeedsAndMutations_data()
    {
        QTest::addColumn<Target>("target");

        QTest::newRow("binance_bulk_file") << &fuzz_binance_bulk_file;
        QTest::newRow("binance_decoder") << &fuzz_binance_decoder;
        QTest::newRow("capture_reader") << &fuzz_capture_reader;
        QTest::newRow("coinbase_advanced_session") << &fuzz_coinbase_advanced_session;
        QTest::newRow("coinbase_exchange_session") << &fuzz_coinbase_exchange_session;
        QTest::newRow("kraken_session") << &fuzz_kraken_session;
        QTest::newRow("pipeline_file") << &fuzz_pipeline_file;
        QTest::newRow("sbe_frame") << &fuzz_sbe_frame;
        QTest::newRow("sbe_schema") << &fuzz_sbe_schema;
        QTest::newRow("spool_reader") << &fuzz_spool_reader;
        QTest::newRow("values") << &fuzz_values;
        QTest::newRow("websocket_frames") << &fuzz_websocket_frames;
        QTest::newRow("websocket_handshake") << &fuzz_websocket_handshake;
    }

    void standsSeedsAndMutations()
    {
        QFETCH(Target, target);
        const QString name = QString::fromLatin1(QTest::currentDataTag());
        const QList<QByteArray> seeds = seedsOf(name);
        QVERIFY(seeds.size() >= 5);
        // Written before each run, because nothing can be written after one that ends the process.
        const QDir folder(QStringLiteral(TIDEMILL_BUILD_DIR "/tests/fuzz"));
        QVERIFY(folder.mkpath(QStringLiteral(".")));
        QFile input(folder.filePath(name + QLatin1String(".input")));
        QVERIFY(input.open(QIODevice::ReadWrite | QIODevice::Truncate | QIODevice::Unbuffered));
        const auto run = [&](const QByteArray &bytes) {
            input.resize(bytes.size());
            input.seek(0);
            input.write(bytes);
            // Memory of exactly that size, so that a sanitizer sees who reads behind it.
            const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
            target(exact.data(), exact.size());
        };

        for (const QByteArray &seed : seeds)
            run(seed);
        std::mt19937 random(1);
        for (int i = 0; i < mutationCount; ++i)
            run(mutated(seeds[i % seeds.size()], seeds[qsizetype(random() % quint64(seeds.size()))], random));

        QVERIFY(input.remove());
    }
};

QTEST_GUILESS_MAIN(tst_FuzzSeeds)

#include "tst_fuzz_seeds.moc"
