// SPDX-License-Identifier: Apache-2.0
#include "node_runner.h"

#include "in_flight.h"

#include <tidemill/receipt.h>

#include <QCoreApplication>
#include <QLoggingCategory>
#include <QTimer>

#include <algorithm>

Q_LOGGING_CATEGORY(lcNodeRunner, "tidemill.host.node")

namespace tidemill::host {

namespace {

constexpr int batchesPerTurn = 64; // then the event loop has its turn: sockets and timers must not wait

// ts_event and ts_recv of the first row that has them; null for types without.
Timestamp timeField(const Batch &batch, QByteArrayView name)
{
    const int index = batch.schema().indexOf(name);
    if (index < 0 || batch.rowCount() == 0)
        return {};
    const Field &field = batch.schema().fields()[std::size_t(index)];
    return field.type == FieldType::Timestamp ? batch.value<Timestamp>(0, field) : Timestamp();
}

// What is being thrown, for a message; within a catch block only.
QString thrown(const char *function)
{
    try {
        throw;
    } catch (const std::exception &exception) {
        return QStringLiteral("%1 threw: %2")
            .arg(QLatin1String(function), QString::fromUtf8(exception.what()));
    } catch (...) {
        return QStringLiteral("%1 threw something that is no std::exception").arg(QLatin1String(function));
    }
}

} // namespace

NodeRunner::NodeRunner(NodePtr<> node, std::shared_ptr<NodeStatus> status, Metrics &registry)
    : m_metrics(registry,
                {{"pipeline", status->pipeline.toUtf8()}, {"node", status->description.name.toUtf8()}})
    , m_status(std::move(status))
    , m_node(std::move(node))
    , m_in(m_metrics.counter("tidemill_records_total", "Records that went in and out of nodes.",
                             {{"direction", "in"}}))
    , m_out(m_metrics.counter("tidemill_records_total", "Records that went in and out of nodes.",
                              {{"direction", "out"}}))
{
    NodeContext context = m_node->context();
    context.metrics = &m_metrics;
    context.dropped = &m_status->recordsDroppedByNode;
    m_node->setContext(context);
    connect(m_node.get(), &Node::degraded, this, &NodeRunner::setDegraded);
    connect(m_node.get(), &Node::recovered, this, &NodeRunner::setRecovered);
    m_status->setState(NodeState::Configured);
}

NodeRunner::~NodeRunner() = default;

Result<> NodeRunner::start()
{
    m_status->setState(NodeState::Started);
    Result<> result;
    try {
        result = m_node->start();
    } catch (...) {
        result = Error{Error::Kind::Internal, thrown("start()")};
    }
    if (!result) {
        m_status->setState(NodeState::Failed, result.error().message);
        return result;
    }
    // start() itself may have said that something is wrong already.
    if (m_status->state() == NodeState::Started)
        m_status->setState(NodeState::Running);
    // What a spool has kept from the last run waits already.
    if (std::any_of(m_queues.begin(), m_queues.end(), [](QueuedEdge *queue) { return queue->hasWaiting(); }))
        QCoreApplication::postEvent(this, new QEvent(QueuedEdge::wakeEvent()));
    return {};
}

void NodeRunner::stop()
{
    if (std::exchange(m_stopped, true) || !m_node)
        return;
    const NodeState before = m_status->state();
    m_status->setState(NodeState::Stopping);
    m_stopping = true;
    try {
        if (before != NodeState::Configured) // stop() is for what was started
            m_node->stop();
    } catch (...) {
        qCCritical(lcNodeRunner).noquote()
            << m_status->description.name + QLatin1String(": ") + thrown("stop()");
    }
    m_stopping = false;
    m_status->setState(NodeState::Stopped);
}

void NodeRunner::destroyNode()
{
    stop();
    delete m_node.release(); // stopped already, so not through NodePtr's deleter, which would stop it again
    // Nothing is due without a node; and Qt loses what it notes of a running timer if its object is deleted
    // soon after it has moved.
    for (QTimer *timer : findChildren<QTimer *>())
        timer->stop();
    // The runner itself is deleted by the main thread, where no event can reach it meanwhile.
    moveToThread(QCoreApplication::instance()->thread());
}

bool NodeRunner::event(QEvent *event)
{
    if (event->type() == QueuedEdge::wakeEvent()) {
        for (QueuedEdge *queue : m_queues)
            queue->acceptWake();
        if (!isBlocked() && m_node)
            drain();
        return true;
    }
    if (event->type() == QueuedEdge::releaseEvent()) {
        for (Edge *edge : m_outputs) {
            auto *queue = dynamic_cast<QueuedEdge *>(edge);
            if (queue && queue->collectRelease())
                outputReleased();
        }
        return true;
    }
    if (event->type() == hurryEvent()) {
        hurry();
        return true;
    }
    return QObject::event(event);
}

QEvent::Type NodeRunner::hurryEvent()
{
    static const auto type = QEvent::Type(QEvent::registerEventType());
    return type;
}

void NodeRunner::countIn(quint64 rows)
{
    m_in.add(rows);
    m_status->recordsIn.fetch_add(rows, std::memory_order_relaxed);
}

void NodeRunner::accept(const BatchPtr &batch)
{
    countIn(quint64(batch->rowCount()));
    handle(batch);
}

void NodeRunner::countQueued(const BatchPtr &batch)
{
    countQueuedRows(quint64(batch->rowCount()));
}

void NodeRunner::countQueuedRows(quint64 rows)
{
    countIn(rows);
    m_status->recordsQueued.fetch_add(rows, std::memory_order_relaxed);
}

void NodeRunner::countUnqueued(const BatchPtr &batch)
{
    countUnqueuedRows(quint64(batch->rowCount()));
}

void NodeRunner::countUnqueuedRows(quint64 rows)
{
    m_status->recordsQueued.fetch_sub(rows, std::memory_order_relaxed);
}

void NodeRunner::countShed(quint64 rows, const char *reason)
{
    m_status->recordsQueued.fetch_sub(rows, std::memory_order_relaxed);
    countDroppedRows(rows, reason);
}

void NodeRunner::countDropped(const BatchPtr &batch, const char *reason)
{
    countDroppedRows(quint64(batch->rowCount()), reason);
}

void NodeRunner::countDroppedRows(quint64 rows, const char *reason)
{
    countReason(rows, reason);
    m_status->recordsDropped.fetch_add(rows, std::memory_order_relaxed);
}

void NodeRunner::countRefused(const BatchPtr &batch, const char *reason)
{
    countReason(quint64(batch->rowCount()), reason);
    m_status->recordsRefused.fetch_add(quint64(batch->rowCount()), std::memory_order_relaxed);
}

void NodeRunner::countReason(quint64 rows, const char *reason)
{
    m_metrics
        .counter("tidemill_dropped_total", "Records that did not go on, by reason.", {{"reason", reason}})
        .add(rows);
}

// One comparison for each batch: a node makes few types, and mostly the same.
bool NodeRunner::mayEmit(const Schema &schema)
{
    if (&schema == m_lastEmitted)
        return true;
    const QString type = QString::fromUtf8(schema.name().toByteArray());
    if (!m_emits.isEmpty() && !m_emits.contains(QLatin1String("*")) && !m_emits.contains(type)) {
        const QString what = QStringLiteral("emits %1, which its plugin's metadata does not name (emits: %2)")
                                 .arg(type, m_emits.join(QLatin1String(", ")));
        if (m_status->state() != NodeState::Failed)
            qCCritical(lcNodeRunner).noquote() << m_status->description.name << what;
        noteFailed();
        m_status->setState(NodeState::Failed, what);
        return false;
    }
    m_lastEmitted = &schema;
    return true;
}

void NodeRunner::distribute(const BatchPtr &batch)
{
    if (!mayEmit(batch->schema())) {
        countRefused(batch, "undeclared");
        return;
    }
    const auto rows = quint64(batch->rowCount());
    m_out.add(rows);
    m_status->recordsOut.fetch_add(rows, std::memory_order_relaxed);
    for (Edge *edge : m_outputs) {
        if (edge->carries(batch->schema()))
            edge->push(batch);
    }
}

void NodeRunner::outputBlocked()
{
    if (m_blockedOutputs++ == 0)
        setBlocked(true);
}

void NodeRunner::outputReleased()
{
    if (--m_blockedOutputs > 0)
        return;
    setBlocked(false);
    if (!isBlocked() && !m_queues.empty())
        drain();
}

BatchPtr NodeRunner::takeNext()
{
    for (std::size_t tried = 0; tried < m_queues.size(); ++tried) {
        QueuedEdge *queue = m_queues[m_nextQueue];
        m_nextQueue = (m_nextQueue + 1) % m_queues.size();
        if (BatchPtr batch = queue->take())
            return batch;
    }
    return {};
}

void NodeRunner::abandon()
{
    for (QueuedEdge *queue : m_queues)
        queue->keepStored();
    while (const BatchPtr batch = takeNext()) {
        countUnqueued(batch);
        countDropped(batch, "shutdown");
        if (batch->delivery())
            batch->delivery()->abandon();
    }
}

void NodeRunner::noteFailed()
{
    m_status->failures.fetch_add(1, std::memory_order_relaxed);
    m_metrics.counter("tidemill_failures_total", "How often a node said that something failed.").add();
}

void NodeRunner::setDegraded(const Error &cause)
{
    noteFailed();
    m_status->setState(NodeState::Degraded, cause.message);
    qCWarning(lcNodeRunner).noquote() << m_status->description.name + QLatin1Char(':') << cause.message;
}

void NodeRunner::setRecovered()
{
    if (m_status->state() != NodeState::Degraded)
        return;
    m_status->setState(NodeState::Running);
    qCInfo(lcNodeRunner).noquote() << m_status->description.name + QStringLiteral(": recovered");
}

// --- sources

SourceRunner::SourceRunner(NodePtr<> node, std::shared_ptr<NodeStatus> status, Metrics &registry)
    : NodeRunner(std::move(node), std::move(status), registry)
    , m_source(static_cast<Source *>(&this->node()))
    , m_checkpoints(m_source->context().stateDirectory, sharedStatus(), this)
    , m_deliverSeconds(
          metrics().histogram("tidemill_deliver_seconds",
                              "From a source's emitting a batch until all that came of it was confirmed.", {},
                              {0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60}))
    , m_eventAge(metrics().histogram("tidemill_event_age_seconds",
                                     "Age of records by the exchange's clock when they were read.", {},
                                     {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30}))
    , m_latency(registry.histogram("ws_message_latency_seconds",
                                   "From reading a message until the graph had handled it."))
    , m_messages(registry.counter("ws_message_count_total", "Messages received."))
    , m_paused(
          metrics().gauge("tidemill_source_paused", "1 while back-pressure keeps the source from reading."))
{
    NodeContext context = m_source->context();
    context.positions = m_checkpoints.load();
    m_source->setContext(context);
    connect(m_source, &Source::positionReached, &m_checkpoints, &SourceCheckpoints::noteReached);
    connect(m_source, &Source::emitted, this, &SourceRunner::emitBatch);
    connect(m_source, &Source::finished, this, &SourceRunner::noteFinished);
    connect(m_source, &Source::streamsChanged, this,
            [this](const QList<Source::Stream> &streams) { this->status().setStreams(streams); });
    const Counter errors = registry.counter("ws_error_count_total", "Errors of connections and sources.");
    connect(m_source, &Node::degraded, this, [errors] { errors.add(); });
    connect(m_source, &Node::failed, this, [this, errors](const Error &error) {
        errors.add();
        noteFailed();
        this->status().setState(NodeState::Failed, error.message);
        qCCritical(lcNodeRunner).noquote()
            << this->status().description.name + QLatin1Char(':') << error.message;
    });
}

void SourceRunner::handle(const BatchPtr &)
{
    Q_UNREACHABLE(); // nothing leads into a source: the pipeline file's check sees to that
}

void SourceRunner::setBlocked(bool blocked)
{
    m_paused.set(blocked ? 1 : 0);
    if (!isStopped())
        m_source->setPaused(blocked);
}

void SourceRunner::emitBatch(const BatchPtr &batch)
{
    if (batch->rowCount() == 0)
        return;
    if (isStopped() && !isStopping()) {
        countRefused(batch, "after_stop");
        if (m_checkpoints.tracker())
            m_checkpoints.tracker()->close(); // no position may move past it
        return;
    }
    const auto *receipt = dynamic_cast<const Receipt *>(batch->delivery().get());
    if (!batch->delivery() || receipt) {
        auto delivery =
            std::make_shared<SourceDelivery>(sharedStatus(), m_deliverSeconds, m_checkpoints.tracker());
        if (receipt)
            receipt->setHosts(std::move(delivery));
        else
            batch->attachDelivery(std::move(delivery));
    }
    status().lastDataNs.store(Timestamp::now().ns, std::memory_order_relaxed);
    distribute(batch);
    observeTimes(*batch);
}

// A failure stays what it was: the run's exit code is made of it.
void SourceRunner::noteFinished()
{
    if (isStopped() || status().state() == NodeState::Configured)
        return;
    if (status().state() != NodeState::Failed)
        status().setState(NodeState::Stopped);
    status().finished.store(true, std::memory_order_release);
    qCInfo(lcNodeRunner).noquote() << status().description.name + QStringLiteral(": finished");
}

void SourceRunner::abandon()
{
    NodeRunner::abandon();
    m_checkpoints.finish();
}

void SourceRunner::observeTimes(const Batch &batch)
{
    const auto rows = quint64(batch.rowCount());
    m_messages.add(rows);
    const Timestamp received = timeField(batch, "ts_recv");
    const Timestamp happened = timeField(batch, "ts_event");
    if (received.isNull())
        return;
    m_latency.observe(Timestamp::now() - received, rows);
    if (!happened.isNull())
        m_eventAge.observe(received - happened, rows);
}

// --- transforms

TransformRunner::TransformRunner(NodePtr<> node, std::shared_ptr<NodeStatus> status, Metrics &registry)
    : NodeRunner(std::move(node), std::move(status), registry)
    , m_transform(static_cast<Transform *>(&this->node()))
{
    connect(m_transform, &Transform::emitted, this, [this](const BatchPtr &batch) {
        if (batch->rowCount() > 0)
            distribute(batch);
    });
    connect(m_transform, &Node::failed, this, [this](const Error &error) {
        noteFailed();
        this->status().setState(NodeState::Failed, error.message);
        qCCritical(lcNodeRunner).noquote()
            << this->status().description.name + QLatin1Char(':') << error.message;
    });
}

void TransformRunner::handle(const BatchPtr &batch)
{
    status().lastDataNs.store(Timestamp::now().ns, std::memory_order_relaxed);
    const auto rows = quint64(batch->rowCount());
    const quint64 droppedBefore = status().recordsDroppedByNode.load(std::memory_order_relaxed);
    try {
        m_transform->receive(batch);
        status().recordsTaken.fetch_add(rows, std::memory_order_relaxed);
    } catch (...) {
        const QString what = thrown("receive()");
        // What it had said of some of them before it threw stays true.
        const quint64 said = status().recordsDroppedByNode.load(std::memory_order_relaxed) - droppedBefore;
        status().recordsTaken.fetch_add(std::min(said, rows), std::memory_order_relaxed);
        countDroppedRows(rows - std::min(said, rows), "exception");
        noteFailed();
        if (status().state() != NodeState::Failed) // said once, counted always
            qCCritical(lcNodeRunner).noquote() << status().description.name + QLatin1String(": ") + what;
        status().setState(NodeState::Failed, what);
    }
}

void TransformRunner::setBlocked(bool blocked)
{
    for (Edge *edge : inputs())
        edge->setHeld(blocked);
}

void TransformRunner::drain()
{
    for (int turn = 0; turn < batchesPerTurn && !isBlocked(); ++turn) {
        const BatchPtr batch = takeNext();
        if (!batch)
            return;
        countUnqueued(batch);
        handle(batch);
    }
    if (!isBlocked())
        QCoreApplication::postEvent(this, new QEvent(QueuedEdge::wakeEvent()));
}

} // namespace tidemill::host
