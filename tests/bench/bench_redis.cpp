// SPDX-License-Identifier: Apache-2.0
#include "feed_run.h"
#include "redis/redis_server.h"

#include <QEventLoop>
#include <QProcess>
#include <QTimer>

#include <sys/resource.h>

namespace tidemill::bench {

namespace {

using testing::RedisServer;

constexpr qint64 warmUpFrames = 20'000;
constexpr int patienceMs = 60'000;

QString unavailable()
{
    return RedisServer::isInstalled() ? QString() : QStringLiteral("no redis-server is installed");
}

// The same trades into a sink that only counts them: what the source costs by itself.
Result<qint64> sourceCpu(Blaster &blaster, qint64 measured)
{
    Product product;
    const auto started = product.start({{"feed",
                                         host::NodeKind::Source,
                                         "binance",
                                         {},
                                         binanceOptions(blaster, TradeFrames::symbols(), "trade")},
                                        {"out", host::NodeKind::Sink, "bench_probe", {"feed"}, {}}});
    if (!started)
        return started.error();
    if (const auto warm = product.waitForRows(warmUpFrames); !warm)
        return warm.error();
    const qint64 before = processCpuNs();
    blaster.go();
    const auto all = product.waitForRows(quint64(warmUpFrames + measured));
    const qint64 spent = processCpuNs() - before;
    if (!all)
        return all.error();
    if (const auto stopped = product.stop(); !stopped)
        return stopped.error();
    return spent;
}

// In a loop of its own: QTest's way of waiting would sleep between the events.
Result<> waitForDelivered(const Product &product, qint64 rows)
{
    const host::NodeStatus *node = product.node(QStringLiteral("redis"));
    QEventLoop loop;
    QTimer look;
    QObject::connect(&look, &QTimer::timeout, &loop, [&] {
        if (qint64(node->recordsOut.load()) >= rows)
            loop.quit();
    });
    look.start(2);
    QTimer::singleShot(patienceMs, &loop, &QEventLoop::quit);
    loop.exec();
    if (qint64(node->recordsOut.load()) >= rows)
        return {};
    return broken(QStringLiteral("%1 of %2 trades are in Redis").arg(node->recordsOut.load()).arg(rows));
}

Result<Figures> candidate(const Extent &extent)
{
    const TradeFrames frames;
    const qint64 measured = extent.of(1'000'000);
    // Forked before there are threads.
    const auto alone = Blaster::start(frames, {{warmUpFrames, measured}});
    const auto blaster = Blaster::start(frames, {{warmUpFrames, measured}});
    if (!alone || !blaster)
        return broken(QStringLiteral("no blaster"));
    const auto source = sourceCpu(**alone, measured);
    if (!source)
        return source.error();

    RedisServer server;
    if (!server.start())
        return broken(QStringLiteral("redis-server did not start"));
    Product product;
    const auto started =
        product.start({{"feed",
                        host::NodeKind::Source,
                        "binance",
                        {},
                        binanceOptions(**blaster, TradeFrames::symbols(), "trade")},
                       {"redis", host::NodeKind::Sink, "redis_stream", {"feed"}, {{"url", server.url()}}}});
    if (!started)
        return started.error();
    if (const auto warm = waitForDelivered(product, warmUpFrames); !warm)
        return warm.error();
    const qint64 wall = wallNs();
    const qint64 cpu = processCpuNs();
    (*blaster)->go();
    const auto all = waitForDelivered(product, warmUpFrames + measured);
    const double wallSpent = double(wallNs() - wall);
    const double cpuSpent = double(processCpuNs() - cpu);
    if (!all)
        return all.error();
    const Figures figures{{"", double(measured) * 1e6 / wallSpent},
                          {"cpu", (cpuSpent - double(*source)) / 1000 / double(measured)},
                          {"memory", memoryMb("VmHWM")}};
    if (const auto stopped = product.stop(); !stopped)
        return stopped.error();
    // Streams are cut to 10,000, so they are counted by what was ever added.
    qint64 added = 0;
    for (const QString &symbol : TradeFrames::symbols()) {
        const QByteArray info = server.call({"XINFO", "STREAM", QStringLiteral("trades:") + symbol});
        const qsizetype at = info.indexOf("entries-added\n");
        added += at < 0 ? 0 : info.mid(at + 14).split('\n').first().toLongLong();
    }
    if (added != warmUpFrames + measured)
        return broken(QStringLiteral("expected %1 entries, got %2").arg(warmUpFrames + measured).arg(added));
    return figures;
}

// Redis' own client, with its fifty connections and an entry of the same size that it has ready beforehand.
Result<Figures> redisBenchmark(const Extent &extent)
{
    RedisServer server;
    if (!server.start())
        return broken(QStringLiteral("redis-server did not start"));
    QProcess benchmark;
    benchmark.start(QStringLiteral("redis-benchmark"), {"-p",
                                                        QString::number(server.port()),
                                                        "-n",
                                                        QString::number(extent.of(1'000'000)),
                                                        "-P",
                                                        "256",
                                                        "-r",
                                                        QString::number(TradeFrames::symbolCount),
                                                        "-q",
                                                        "XADD",
                                                        "trades:__rand_int__",
                                                        "MAXLEN",
                                                        "~",
                                                        "10000",
                                                        "*",
                                                        "exchange",
                                                        "binance",
                                                        "pair",
                                                        "SYM12USDT",
                                                        "price",
                                                        "45123.50000000",
                                                        "qty",
                                                        "0.00100000",
                                                        "ts",
                                                        "2023-11-14T22:13:20.123000",
                                                        "side",
                                                        "sell",
                                                        "trade_id",
                                                        "1000000001",
                                                        "ts_ms",
                                                        "1700000000123"});
    if (!benchmark.waitForFinished(patienceMs) || benchmark.exitCode() != 0)
        return broken(QStringLiteral("redis-benchmark failed"));
    const QByteArray output = benchmark.readAllStandardOutput();
    const qsizetype end = output.indexOf(" requests per second");
    const QByteArray rate = output.left(qMax<qsizetype>(end, 0)).split(' ').last();
    if (rate.toDouble() <= 0)
        return broken(QStringLiteral("redis-benchmark said: %1").arg(QString::fromUtf8(output)));
    // Of the only child that has ended.
    rusage used{};
    getrusage(RUSAGE_CHILDREN, &used);
    const double cpu = double(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
                       double(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    return Figures{{"", rate.toDouble() / 1000},
                   {"cpu", cpu / double(extent.of(1'000'000))},
                   {"memory", double(used.ru_maxrss) / 1024}};
}

} // namespace

std::vector<Bench> redisBenches()
{
    return {
        {"redis_trades",
         "Binance trades from the TLS socket into Redis Streams, beside redis-benchmark -P 256",
         {{"", "k/s", true, 1.33}, {"cpu", "us/XADD", false, 0, 0.4}, {"memory", "MB"}},
         candidate,
         redisBenchmark,
         unavailable},
    };
}

} // namespace tidemill::bench
