// SPDX-License-Identifier: Apache-2.0
#include "chain.h"

#include "measurement.h"

#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QEventLoop>
#include <QTimer>

namespace tidemill::bench {

static constexpr std::chrono::seconds patience{60};

std::vector<BatchPtr> tradeBatches(qint64 count, qint64 rowsOfBatch)
{
    const Symbol exchange("binance");
    const QStringList names = TradeFrames::symbols();
    std::vector<Symbol> symbols;
    for (const QString &name : names)
        symbols.emplace_back(name.toUtf8());
    std::vector<BatchPtr> batches;
    BatchBuilder<Trade> builder;
    for (qint64 id = 1; id <= count; ++id) {
        builder.append({.exchange = exchange,
                        .symbol = symbols[std::size_t(id) % symbols.size()],
                        .ts_event = Timestamp::fromMilliseconds(1'772'442'917'897 + id),
                        .ts_recv = Timestamp::fromMilliseconds(1'772'442'917'900 + id),
                        .trade_id = id,
                        .price = {6'123'402'000'000 + id % 1000 * 1'000'000, -8},
                        .quantity = {317'000 + id % 1000, -8},
                        .side = id % 2 == 0 ? Side::Buy : Side::Sell});
        if (builder.size() == rowsOfBatch || id == count)
            batches.push_back(builder.finish());
    }
    return batches;
}

TradeFrames::Sums sumsOf(const std::vector<BatchPtr> &batches)
{
    TradeFrames::Sums sums;
    for (const BatchPtr &batch : batches)
        sums.add(batch->rows<Trade>());
    return sums;
}

FeedingSource::~FeedingSource()
{
    // Their deliveries count in figures that the batches outlive.
    for (const BatchPtr &batch : m_batches)
        batch->attachDelivery({});
}

void FeedingSource::feed(int rounds)
{
    m_rounds = rounds;
    m_next = 0;
    wake();
}

void FeedingSource::setPaused(bool paused)
{
    m_paused = paused;
    if (!paused)
        wake();
}

void FeedingSource::wake()
{
    QCoreApplication::postEvent(this, new QEvent(QEvent::User));
}

bool FeedingSource::event(QEvent *event)
{
    if (event->type() != QEvent::User)
        return Source::event(event);
    for (int turn = 0; turn < batchesPerTurn && m_rounds > 0 && !m_paused; ++turn) {
        const BatchPtr &batch = m_batches[m_next];
        if (++m_next == m_batches.size()) {
            m_next = 0;
            --m_rounds;
        }
        batch->attachDelivery({}); // as if it were fresh: the host makes a delivery for each batch
        emit emitted(batch);
    }
    if (m_rounds > 0 && !m_paused)
        wake();
    return true;
}

Chain::Chain() = default;

Chain::~Chain()
{
    for (const auto &runner : m_runners) {
        host::NodeRunner *target = runner.get();
        host::runIn(target, patience, [target] { target->destroyNode(); });
    }
}

void Chain::add(NodePtr<> node, host::NodeKind kind, const QString &thread,
                const host::NodeSettings &settings)
{
    host::NodeDescription description;
    description.name = QStringLiteral("node%1").arg(m_runners.size());
    description.kind = kind;
    description.settings = settings;
    auto status = std::make_shared<host::NodeStatus>(QStringLiteral("bench"), description);
    QThread *home = m_threads.thread(thread);
    node->moveToThread(home);
    std::unique_ptr<host::NodeRunner> runner;
    if (kind == host::NodeKind::Source)
        runner = std::make_unique<host::SourceRunner>(std::move(node), std::move(status), m_metrics);
    else if (kind == host::NodeKind::Transform)
        runner = std::make_unique<host::TransformRunner>(std::move(node), std::move(status), m_metrics);
    else
        runner = std::make_unique<host::SinkRunner>(std::move(node), std::move(status), m_metrics);
    runner->moveToThread(home);

    if (!m_runners.empty()) {
        host::NodeRunner &from = *m_runners.back();
        if (from.thread() == home && kind != host::NodeKind::Sink) {
            m_edges.push_back(std::make_unique<host::DirectEdge>(from, *runner, QByteArray()));
        } else {
            auto queue = std::make_unique<host::QueuedEdge>(
                from, *runner, QByteArray(),
                host::QueuedEdge::Bound{quint64(settings.queueRows), quint64(settings.queueBytes.bytes)});
            runner->addQueue(queue.get());
            m_edges.push_back(std::move(queue));
        }
        from.addOutput(m_edges.back().get());
        runner->addInput(m_edges.back().get());
    }
    m_runners.push_back(std::move(runner));
}

Result<> Chain::start()
{
    for (auto runner = m_runners.rbegin(); runner != m_runners.rend(); ++runner) {
        host::NodeRunner *target = runner->get();
        auto started = std::make_shared<Result<>>(broken(QStringLiteral("a node does not start")));
        host::runIn(target, patience, [target, started] { *started = target->start(); });
        if (!*started)
            return *started;
    }
    return {};
}

Result<> Chain::run(FeedingSource &source, int rounds, quint64 rows)
{
    const host::NodeStatus &sink = m_runners.back()->status();
    const quint64 target = sink.recordsOut.load() + rows;
    const QDeadlineTimer deadline(patience);
    QTimer tick; // the sink may be in another thread, and nothing of its end wakes this one
    tick.start(std::chrono::milliseconds(1));
    source.feed(rounds);
    while (sink.recordsOut.load(std::memory_order_acquire) < target) {
        QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
        if (deadline.hasExpired())
            return broken(QStringLiteral("expected %1 records, %2 were delivered")
                              .arg(target)
                              .arg(sink.recordsOut.load()));
    }
    return {};
}

} // namespace tidemill::bench
