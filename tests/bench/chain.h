// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/node_threads.h"
#include "host/sink_runner.h"
#include "market_frames.h"

#include <QEvent>

namespace tidemill::bench {

// Trades as one batch after the other, built beforehand. `count` rows in all; ids from 1.
std::vector<BatchPtr> tradeBatches(qint64 count, qint64 rowsOfBatch);
TradeFrames::Sums sumsOf(const std::vector<BatchPtr> &batches);

// Emits batches that are there already, from its event loop, for as long as what follows takes them.
class FeedingSource final : public Source
{
    Q_OBJECT

public:
    // As many batches as a socket gives at most before the loop has its turn.
    static constexpr int batchesPerTurn = 16;

    // The batches must outlive it.
    explicit FeedingSource(const std::vector<BatchPtr> &batches) : m_batches(batches) {}
    ~FeedingSource() override;

    // Emits all batches, `rounds` times over, beginning now; batchesPerTurn of them each time the loop comes
    // round.
    void feed(int rounds);
    void setPaused(bool paused) override;

protected:
    bool event(QEvent *event) override;

private:
    void wake();

    const std::vector<BatchPtr> &m_batches;
    std::size_t m_next = 0;
    int m_rounds = 0;
    bool m_paused = false;
};

class PassingTransform final : public Transform
{
    Q_OBJECT

protected:
    void process(const BatchPtr &batch) override { emit emitted(batch); }
};

class AddingSink final : public Sink
{
    Q_OBJECT

public:
    void receive(const BatchPtr &batch) override
    {
        sums.add(batch->rows<Trade>());
        emit delivered(batch);
    }

    TradeFrames::Sums sums; // read it when nothing is under way
};

// Runners in a row with the edges that a pipeline would put between them: a call within a thread, a queue
// otherwise and in front of the sink.
class Chain
{
public:
    Chain();
    ~Chain();
    Q_DISABLE_COPY_MOVE(Chain)

    // The first node added is a source, the last a sink.
    void add(NodePtr<> node, host::NodeKind kind, const QString &thread = QStringLiteral("main"),
             const host::NodeSettings &settings = {});
    Result<> start();

    // Feeds everything so often and runs the event loop until the sink has delivered it all.
    Result<> run(FeedingSource &source, int rounds, quint64 rows);

private:
    host::MetricsRegistry m_metrics;
    host::NodeThreads m_threads;
    std::vector<std::unique_ptr<host::NodeRunner>> m_runners;
    std::vector<std::unique_ptr<host::Edge>> m_edges;
};

} // namespace tidemill::bench
