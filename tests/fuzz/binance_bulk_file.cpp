// SPDX-License-Identifier: Apache-2.0
#include "archive_rows.h"
#include "fuzz.h"

#include <QTemporaryFile>

// Binance's bulk files, as they lie on the disk: a ZIP archive with one CSV file in it.
//
// * Whatever the bytes, reading ends with rows or with an error, and in bounded memory.
// * Rows are sound, and each comes after the one before; how many are asked for at a time changes nothing.
//
// Input: a byte, of which 1 and 2 say what the rows are (0 aggregate trades, 1 trades, 2 candles), and 4 that
// what follows is CSV, without an archive around it. Then the file.

using namespace tidemill;
using namespace tidemill::binance_history;

namespace {

constexpr qint64 unpackedLimit = 1 << 20;

Series seriesOf(int kind)
{
    Series series{Symbol("BTCUSDT"), Kind::AggTrades, {}};
    if (kind == 1)
        series.kind = Kind::Trades;
    if (kind == 2) {
        series.kind = Kind::Candles;
        series.interval = "1m";
    }
    return series;
}

QString written(QByteArrayView bytes)
{
    static QTemporaryFile file;
    fuzz::require(file.isOpen() || file.open(), "a file for the archive");
    file.resize(0);
    file.seek(0);
    file.write(bytes.data(), bytes.size());
    file.flush();
    return file.fileName();
}

// The keys of all rows, and the error that ended them.
QByteArray readAll(const QString &path, const Series &series, std::size_t most)
{
    auto rows = ArchiveRows::open(path, "BTCUSDT.csv", series, {.bytes = unpackedLimit});
    if (!rows)
        return rows.error().message.toUtf8();
    QByteArray keys;
    qint64 last = -1;
    while (true) {
        const auto page = (*rows)->next(most);
        // Rows in front of a bad line go out if they were asked for apart from it, so only the line counts.
        if (!page)
            return page.error().message.toUtf8();
        if (page->empty())
            return keys;
        for (const Row &row : *page) {
            fuzz::require(isSound(row), "a row is sound");
            fuzz::require(keyOf(row) > last, "a row comes after the one before");
            last = keyOf(row);
            keys.append(QByteArray::number(last)).append(' ');
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArrayView input = fuzz::view(data, size);
    if (input.isEmpty())
        return 0;
    const Series series = seriesOf(input.front() & 3);
    const QByteArrayView file = input.sliced(1);
    if (input.front() & 4) {
        for (const QByteArray &line : file.toByteArray().split('\n')) {
            (void)isCsvHeader(line);
            const auto row = rowFromCsv(line, series, {1'772'442'918'000'000'000});
            fuzz::require(!row || isSound(*row), "a row is sound");
        }
        return 0;
    }
    const QString path = written(file);
    fuzz::require(readAll(path, series, 1) == readAll(path, series, 1000),
                  "how many rows are asked for changes nothing");
    return 0;
}
