// SPDX-License-Identifier: Apache-2.0
#include "chain.h"
#include "host/spool/crc32c.h"
#include "host/spool/spool.h"
#include "measurement.h"
#include "usage.h"

#include <QTemporaryDir>

#include <fcntl.h>
#include <unistd.h>

namespace tidemill::bench {

namespace {

constexpr qint64 rowsOfBatch = 256;
constexpr qint64 builtRows = 65'536;
constexpr qint64 spooledRows = 6'000'000; // about 500 MB, through the page cache and never synced

Result<Figures> ratesOf(qint64 rows, qint64 writing, qint64 reading)
{
    const auto rate = [rows](qint64 ns) { return double(rows) * 1000 / double(ns); };
    return Figures{{QStringLiteral("both"), rate(writing + reading)},
                   {QStringLiteral("write"), rate(writing)},
                   {QStringLiteral("read"), rate(reading)}};
}

Result<> compare(const TradeFrames::Sums &got, const TradeFrames::Sums &once, int rounds)
{
    const auto times = quint64(rounds);
    if (got ==
        TradeFrames::Sums{once.rows * times, once.ids * times, once.prices * times, once.quantities * times})
        return {};
    return broken(QStringLiteral("the sums are wrong after %1 rows").arg(got.rows));
}

// As behind a sink that is away: everything is written first, then read from the disk and confirmed.
Result<Figures> spoolCandidate(const Extent &extent)
{
    const auto batches = tradeBatches(builtRows, rowsOfBatch);
    const int rounds = int(extent.of(spooledRows) / builtRows);
    QTemporaryDir folder;
    auto spool = host::Spool::open(folder.filePath(QStringLiteral("spool")), {.maxBytes = qint64(4) << 30});
    if (!spool)
        return spool.error();
    const qint64 start = processCpuNs();
    for (int round = 0; round < rounds; ++round) {
        for (const BatchPtr &batch : batches) {
            if (const auto taken = (*spool)->append(*batch, false); !taken)
                return taken.error();
        }
    }
    const qint64 written = processCpuNs();
    TradeFrames::Sums sums;
    while ((*spool)->hasUnread()) {
        const host::Spool::Read read = (*spool)->readNext();
        if (!read.batch)
            return broken(QStringLiteral("nothing came back"));
        sums.add(read.batch->rows<Trade>());
        static_cast<const host::SpooledDelivery &>(*read.batch->delivery()).settle();
    }
    const qint64 end = processCpuNs();
    if (const auto good = compare(sums, sumsOf(batches), rounds); !good)
        return good.error();
    if (!(*spool)->isEmpty())
        return broken(QStringLiteral("not everything is confirmed"));
    return ratesOf(rounds * builtRows, written - start, end - written);
}

// The same rows as they lie in memory: a sum, write(); read(), a sum.
Result<Figures> spoolFloor(const Extent &extent)
{
    const auto batches = tradeBatches(builtRows, rowsOfBatch);
    const int rounds = int(extent.of(spooledRows) / builtRows);
    QTemporaryDir folder;
    const QByteArray path = QFile::encodeName(folder.filePath(QStringLiteral("plain")));
    const int file = ::open(path.constData(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return broken(QStringLiteral("cannot make a file"));
    constexpr qsizetype bytes = rowsOfBatch * qsizetype(sizeof(Trade));
    quint64 sumsWritten = 0;
    const qint64 start = processCpuNs();
    for (int round = 0; round < rounds; ++round) {
        for (const BatchPtr &batch : batches) {
            const QByteArrayView rows(reinterpret_cast<const char *>(batch->row(0)), bytes);
            sumsWritten += host::crc32c(rows);
            if (::write(file, rows.data(), bytes) != bytes)
                return broken(QStringLiteral("the disk is full"));
        }
    }
    const qint64 written = processCpuNs();
    if (::lseek(file, 0, SEEK_SET) != 0)
        return broken(QStringLiteral("cannot go back"));
    std::vector<Trade> rows(rowsOfBatch);
    quint64 sumsRead = 0;
    TradeFrames::Sums sums;
    while (::read(file, rows.data(), bytes) == bytes) {
        sumsRead += host::crc32c({reinterpret_cast<const char *>(rows.data()), bytes});
        sums.add(rows);
    }
    const qint64 end = processCpuNs();
    ::close(file);
    if (const auto good = compare(sums, sumsOf(batches), rounds); !good)
        return good.error();
    if (sumsWritten != sumsRead)
        return broken(QStringLiteral("other bytes came back"));
    return ratesOf(rounds * builtRows, written - start, end - written);
}

} // namespace

std::vector<Bench> spoolBenches()
{
    return {{"spool",
             "trades through a spool, in batches of 256: written, read, confirmed",
             {{"both", "M/CPU s", true, 0, 2}, {"write", "M/CPU s", true}, {"read", "M/CPU s", true}},
             spoolCandidate,
             spoolFloor}};
}

} // namespace tidemill::bench
