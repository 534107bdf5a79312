// SPDX-License-Identifier: Apache-2.0
#include "pipeline.h"

#include "call_watch.h"
#include "node_maker.h"
#include "pipeline_figures.h"
#include "pipeline_spools.h"
#include "spooled_edge.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>
#include <QLoggingCategory>

#include <algorithm>

Q_LOGGING_CATEGORY(lcPipeline, "tidemill.host.pipeline")

namespace tidemill::host {

namespace {

// What making a node needs and gives. Owned by the call that makes it, which may outlive our waiting for it.
struct Making
{
    NodeOrder order;
    Result<std::unique_ptr<NodeRunner>> made{std::unique_ptr<NodeRunner>()};
};

// The same for starting one.
struct Starting
{
    Result<> result;
    std::atomic<bool> givenUp{false};
};

Error notReturned(const char *function)
{
    return {
        Error::Kind::Internal,
        QStringLiteral("%1 did not return in %2 s").arg(QLatin1String(function)).arg(nodeCallLimit.count())};
}

} // namespace

Pipeline::Pipeline(const PipelineDescription &description, PipelineContext &context)
    : m_name(description.name)
    , m_description(description)
    , m_context(context)
{}

Pipeline::~Pipeline()
{
    // Nodes go in their own threads, while their loops still run.
    for (const auto &runner : m_runners) {
        NodeRunner *target = runner.get();
        if (!call(target->thread(), [target] { target->destroyNode(); }))
            qCCritical(lcPipeline).noquote() << target->status().description.name << "does not stop";
    }
    if (m_stuckThreads.empty())
        return;
    // A node that never returns still uses its runner and edges: they stay until the process ends.
    for (auto &runner : m_runners)
        (void)runner.release();
    for (auto &edge : m_edges)
        (void)edge.release();
}

Result<std::unique_ptr<Pipeline>> Pipeline::create(const PipelineDescription &description,
                                                   PipelineContext &context)
{
    std::unique_ptr<Pipeline> pipeline(new Pipeline(description, context));
    for (const NodeDescription &node : description.nodes) {
        if (const auto loaded = context.plugins.load(node.kind, node.type); !loaded)
            return Error{
                loaded.error().kind,
                QStringLiteral("%1: %2: %3").arg(description.file, node.name, loaded.error().message)};
        QString thread = node.settings.thread;
        if (thread.isEmpty())
            thread = context.plugins.find(node.kind, node.type)->ownThread
                         ? description.name + QLatin1Char('.') + node.name
                         : QStringLiteral("main");
        if (context.apart && thread == QLatin1String("main"))
            thread = description.name + QLatin1String(":main"); // no node's own thread is named so
        pipeline->m_homes[node.name] = context.threads.thread(thread);
    }
    return pipeline;
}

bool Pipeline::call(QThread *thread, std::function<void()> function)
{
    if (m_stuckThreads.contains(thread))
        return false;
    CallWatch *watch = thread == QThread::currentThread() ? m_context.watch : nullptr;
    if (watch)
        watch->begin();
    const bool returned = runIn(thread, nodeCallLimit, std::move(function));
    if (watch)
        watch->end();
    if (!returned)
        m_stuckThreads.insert(thread);
    return returned;
}

Result<> Pipeline::createNode(const NodeDescription &description)
{
    auto making = std::make_shared<Making>();
    NodeOrder &order = making->order;
    order.description = description;
    order.plugin = *m_context.plugins.find(description.kind, description.type);
    order.context.pipeline = m_name;
    order.context.name = description.name;
    order.context.baseDirectory = QFileInfo(m_description.file).absolutePath();
    if (!m_context.stateDirectory.isEmpty())
        order.context.stateDirectory =
            QDir(m_context.stateDirectory).filePath(m_name + QLatin1Char('/') + description.name);
    order.status = std::make_shared<NodeStatus>(m_name, description);
    const auto status = order.status;
    m_context.status.add(status);

    const auto make = [making, plugins = &m_context.plugins, metrics = &m_context.metrics] {
        making->made = makeNode(making->order, *plugins, *metrics);
    };
    if (!call(m_homes.at(description.name), make))
        return notReturned("creating it"); // its state says the rest
    if (!making->made) {
        status->setState(NodeState::Failed, making->made.error().message);
        return making->made.error();
    }
    m_runners.push_back(*std::move(making->made));
    showNode(m_context.metrics, status);
    return {};
}

Result<> Pipeline::connectNodes(const NodeDescription &description)
{
    NodeRunner *to = runner(description.name);
    for (const InputRef &input : description.inputs) {
        NodeRunner *from = runner(input.node);
        const QByteArray type = input.recordType.toUtf8();
        // Sinks always have a queue: what they cannot take now waits there while retries go on. And a policy
        // that lets go needs one to do so.
        const QueuePolicy policy = description.settings.queuePolicy;
        if (from->thread() == to->thread() && description.kind != NodeKind::Sink &&
            policy == QueuePolicy::Block) {
            m_edges.push_back(std::make_unique<DirectEdge>(*from, *to, type));
        } else {
            const QueuedEdge::Bound bound{quint64(description.settings.queueRows),
                                          quint64(description.settings.queueBytes.bytes)};
            std::unique_ptr<QueuedEdge> edge;
            if (policy == QueuePolicy::Spool) {
                auto spool = openEdgeSpool(m_context.stateDirectory, m_name, description, input);
                if (!spool)
                    return spool.error();
                showSpool(m_context.metrics,
                          {{"pipeline", m_name.toUtf8()},
                           {"from", input.node.toUtf8()},
                           {"to", description.name.toUtf8()},
                           {"type", type}},
                          *spool);
                edge = std::make_unique<SpooledEdge>(*from, *to, type, bound, *spool);
            } else {
                edge = std::make_unique<QueuedEdge>(*from, *to, type, bound, policy);
            }
            to->addQueue(edge.get());
            m_edges.push_back(std::move(edge));
        }
        m_edges.back()->setAccepted(m_context.plugins.find(description.kind, description.type)->accepts);
        m_context.status.add(m_edges.back()->status());
        to->addInput(m_edges.back().get());
        from->addOutput(m_edges.back().get());
    }
    return {};
}

NodeRunner *Pipeline::runner(const QString &node) const
{
    for (const auto &runner : m_runners) {
        if (runner->status().description.name == node)
            return runner.get();
    }
    return nullptr;
}

void Pipeline::eachOf(NodeKind kind, const std::function<void(NodeRunner &)> &function)
{
    for (const auto &runner : m_runners) {
        if (runner->status().description.kind == kind)
            function(*runner);
    }
}

Result<> Pipeline::start()
{
    for (const NodeDescription &node : m_description.nodes) {
        if (const auto created = createNode(node); !created)
            return Error{
                created.error().kind,
                QStringLiteral("%1: %2: %3").arg(m_description.file, node.name, created.error().message)};
    }
    for (const NodeDescription &node : m_description.nodes) {
        if (const auto connected = connectNodes(node); !connected)
            return Error{
                connected.error().kind,
                QStringLiteral("%1: %2: %3").arg(m_description.file, node.name, connected.error().message)};
    }
    showEdges(m_context.metrics, m_edges);
    warnOfStrandedSpools(m_context.stateDirectory, m_description);
    Result<> result;
    for (const NodeKind kind : {NodeKind::Sink, NodeKind::Transform, NodeKind::Source}) {
        eachOf(kind, [this, &result](NodeRunner &runner) {
            if (result)
                result = startNode(runner);
        });
    }
    return result;
}

Result<> Pipeline::startNode(NodeRunner &runner)
{
    NodeRunner *target = &runner;
    auto starting = std::make_shared<Starting>();
    const QString name = runner.status().description.name;
    const bool returned = call(target->thread(), [target, starting] {
        starting->result = target->start();
        if (starting->givenUp.load())
            target->stop(); // nobody else will: it comes back too late
    });
    if (!returned) {
        starting->givenUp.store(true);
        return Error{Error::Kind::Internal, name + QLatin1String(": ") + notReturned("start()").message};
    }
    if (!starting->result)
        return Error{starting->result.error().kind,
                     name + QLatin1String(": ") + starting->result.error().message};
    return {};
}

void Pipeline::stopNode(NodeRunner &runner)
{
    NodeRunner *target = &runner;
    if (!call(target->thread(), [target] { target->stop(); }))
        qCCritical(lcPipeline).noquote() << target->status().description.name << "does not stop";
}

void Pipeline::stopSources()
{
    eachOf(NodeKind::Source, [this](NodeRunner &runner) { stopNode(runner); });
    eachOf(NodeKind::Sink, [](NodeRunner &runner) {
        QCoreApplication::postEvent(&runner, new QEvent(NodeRunner::hurryEvent()));
    });
}

bool Pipeline::isFinished() const
{
    bool hasSource = false;
    for (const auto &runner : m_runners) {
        const NodeStatus &status = runner->status();
        if (status.description.kind != NodeKind::Source)
            continue;
        hasSource = true;
        if (!status.finished.load(std::memory_order_acquire))
            return false;
    }
    return hasSource && isSettled();
}

bool Pipeline::hasFailedSource() const
{
    return std::any_of(m_runners.begin(), m_runners.end(), [](const auto &runner) {
        return runner->status().description.kind == NodeKind::Source &&
               runner->status().state() == NodeState::Failed;
    });
}

bool Pipeline::isSettled() const
{
    for (const auto &runner : m_runners) {
        if (runner->status().unsettled.load(std::memory_order_acquire) != 0)
            return false;
    }
    for (const auto &edge : m_edges) {
        const auto *spooled = dynamic_cast<const SpooledEdge *>(edge.get());
        // A sink that is in trouble need not be waited for: its records are safe where they are.
        if (spooled && !spooled->spool()->isEmpty() && spooled->to().status().state() == NodeState::Running)
            return false;
    }
    return true;
}

quint64 Pipeline::abandon()
{
    quint64 rows = 0;
    for (const auto &runner : m_runners) {
        NodeRunner *target = runner.get();
        if (m_stuckThreads.contains(target->thread()))
            continue;
        const quint64 before = target->status().recordsDropped.load();
        runIn(target, std::chrono::seconds(1), [target] { target->abandon(); });
        rows += target->status().recordsDropped.load() - before;
    }
    return rows;
}

void Pipeline::stopRest()
{
    for (const NodeKind kind : {NodeKind::Transform, NodeKind::Sink})
        eachOf(kind, [this](NodeRunner &runner) { stopNode(runner); });
}

} // namespace tidemill::host
