// SPDX-License-Identifier: Apache-2.0
#include "chain.h"
#include "measurement.h"
#include "usage.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace tidemill::bench {

namespace {

// Few enough to stay in the cache, as rows do that were decoded just now; more than are ever under way at
// once.
constexpr qint64 builtRows = 8'192;

struct HopCase
{
    const char *name;
    qint64 rowsOfBatch;
    qint64 rows; // to send in a full run
};

constexpr HopCase hopCases[]{{"256", 256, 60'000'000}, {"16", 16, 10'000'000}, {"1", 1, 1'000'000}};

Result<> compare(const TradeFrames::Sums &got, const TradeFrames::Sums &once, int rounds)
{
    const auto times = quint64(rounds);
    if (got ==
        TradeFrames::Sums{once.rows * times, once.ids * times, once.prices * times, once.quantities * times})
        return {};
    return broken(
        QStringLiteral("the sums are wrong after %1 rows, expected %2").arg(got.rows).arg(once.rows * times));
}

Result<Figures> hopsCandidate(const Extent &extent)
{
    Figures figures;
    for (const HopCase &hop : hopCases) {
        const auto batches = tradeBatches(builtRows, hop.rowsOfBatch);
        const int rounds = int(extent.of(hop.rows) / builtRows);
        auto *source = new FeedingSource(batches);
        auto *sink = new AddingSink;
        Chain chain;
        chain.add(NodePtr<>(source), host::NodeKind::Source);
        chain.add(NodePtr<>(new PassingTransform), host::NodeKind::Transform);
        chain.add(NodePtr<>(new PassingTransform), host::NodeKind::Transform);
        chain.add(NodePtr<>(sink), host::NodeKind::Sink);
        if (const auto started = chain.start(); !started)
            return started.error();
        if (const auto warm = chain.run(*source, 1, builtRows); !warm)
            return warm.error();
        sink->sums = {};

        const qint64 start = threadCpuNs();
        const auto done = chain.run(*source, rounds, quint64(rounds * builtRows));
        const qint64 spent = threadCpuNs() - start;
        if (!done)
            return done.error();
        if (const auto good = compare(sink->sums, sumsOf(batches), rounds); !good)
            return good.error();
        figures.append({QLatin1String(hop.name), double(spent) / double(rounds * builtRows)});
    }
    return figures;
}

// Three virtual calls and nothing else.
class Stage
{
public:
    virtual ~Stage() = default;
    virtual void receive(const BatchPtr &batch) = 0;
};

class PassingStage final : public Stage
{
public:
    explicit PassingStage(Stage &next) : m_next(next) {}
    void receive(const BatchPtr &batch) override { m_next.receive(batch); }

private:
    Stage &m_next;
};

class AddingStage final : public Stage
{
public:
    void receive(const BatchPtr &batch) override { sums.add(batch->rows<Trade>()); }
    TradeFrames::Sums sums;
};

Result<Figures> hopsFloor(const Extent &extent)
{
    Figures figures;
    for (const HopCase &hop : hopCases) {
        const auto batches = tradeBatches(builtRows, hop.rowsOfBatch);
        const int rounds = int(extent.of(hop.rows) / builtRows);
        AddingStage sink;
        const std::unique_ptr<Stage> second = std::make_unique<PassingStage>(sink);
        const std::unique_ptr<Stage> first = std::make_unique<PassingStage>(*second);
        const qint64 start = threadCpuNs();
        for (int round = 0; round < rounds; ++round) {
            for (const BatchPtr &batch : batches)
                first->receive(batch);
        }
        const qint64 spent = threadCpuNs() - start;
        if (const auto good = compare(sink.sums, sumsOf(batches), rounds); !good)
            return good.error();
        figures.append({QLatin1String(hop.name), double(spent) / double(rounds * builtRows)});
    }
    return figures;
}

// --- between threads

constexpr qint64 handoverBatch = 256;
constexpr qint64 handoverBuilt = 32'768;
constexpr qint64 handoverQueued = 8'192; // at most, so that no batch is in the queue twice
constexpr qint64 handoverRows = 40'000'000;

Result<Figures> handoverCandidate(const Extent &extent)
{
    const auto batches = tradeBatches(handoverBuilt, handoverBatch);
    const int rounds = int(extent.of(handoverRows) / handoverBuilt);
    auto *source = new FeedingSource(batches);
    auto *sink = new AddingSink;
    Chain chain;
    chain.add(NodePtr<>(source), host::NodeKind::Source);
    host::NodeSettings settings;
    settings.queueRows = handoverQueued;
    chain.add(NodePtr<>(sink), host::NodeKind::Sink, QStringLiteral("sink"), settings);
    if (const auto started = chain.start(); !started)
        return started.error();

    const qint64 start = wallNs();
    const auto done = chain.run(*source, rounds, quint64(rounds * handoverBuilt));
    const qint64 spent = wallNs() - start;
    if (!done)
        return done.error();
    if (const auto good = compare(sink->sums, sumsOf(batches), rounds); !good)
        return good.error();
    return Figures{{"", double(spent) / double(rounds * handoverBuilt)}};
}

// A bounded queue as one would write it in ten lines.
class PlainQueue
{
public:
    void push(const BatchPtr &batch)
    {
        std::unique_lock lock(m_lock);
        m_changed.wait(lock, [this] { return m_batches.size() < maxBatches; });
        m_batches.push_back(batch);
        lock.unlock();
        m_changed.notify_one();
    }

    BatchPtr take()
    {
        std::unique_lock lock(m_lock);
        m_changed.wait(lock, [this] { return !m_batches.empty(); });
        BatchPtr batch = std::move(m_batches.front());
        m_batches.pop_front();
        lock.unlock();
        m_changed.notify_one();
        return batch;
    }

private:
    static constexpr std::size_t maxBatches = handoverQueued / handoverBatch;
    std::mutex m_lock;
    std::condition_variable m_changed;
    std::deque<BatchPtr> m_batches;
};

Result<Figures> handoverFloor(const Extent &extent)
{
    const auto batches = tradeBatches(handoverBuilt, handoverBatch);
    const int rounds = int(extent.of(handoverRows) / handoverBuilt);
    PlainQueue queue;
    TradeFrames::Sums sums;
    const qint64 start = wallNs();
    std::thread receiver([&] {
        for (std::size_t left = std::size_t(rounds) * batches.size(); left > 0; --left)
            sums.add(queue.take()->rows<Trade>());
    });
    for (int round = 0; round < rounds; ++round) {
        for (const BatchPtr &batch : batches)
            queue.push(batch);
    }
    receiver.join();
    const qint64 spent = wallNs() - start;
    if (const auto good = compare(sums, sumsOf(batches), rounds); !good)
        return good.error();
    return Figures{{"", double(spent) / double(rounds * handoverBuilt)}};
}

} // namespace

std::vector<Bench> graphBenches()
{
    return {
        {"three_hops",
         "a trade from a source through two transforms to a sink, by rows in a batch",
         {{"256", "ns CPU", false, 0, 5}, {"16", "ns CPU"}, {"1", "ns CPU"}},
         hopsCandidate,
         hopsFloor},
        {"thread_handover",
         "a trade from a source to a sink in another thread, batches of 256",
         {{"", "ns", false, 0, 30}},
         handoverCandidate,
         handoverFloor},
    };
}

} // namespace tidemill::bench
