// SPDX-License-Identifier: Apache-2.0
#include "pipeline.h"

#include "pipeline_spools.h"
#include "sink_runner.h"

#include <QDir>
#include <QFileInfo>
#include <QLoggingCategory>

#include <algorithm>

Q_LOGGING_CATEGORY(lcPipeline, "tidemill.host.pipeline")

namespace tidemill::host {

namespace {

// A node that has not come back from start() or stop() by then is stuck.
constexpr std::chrono::seconds nodeLimit{10};

std::unique_ptr<NodeRunner> makeRunner(NodePtr<> node, std::shared_ptr<NodeStatus> status, Metrics &metrics)
{
    switch (status->description.kind) {
    case NodeKind::Source:
        return std::make_unique<SourceRunner>(std::move(node), std::move(status), metrics);
    case NodeKind::Transform:
        return std::make_unique<TransformRunner>(std::move(node), std::move(status), metrics);
    case NodeKind::Sink:
        return std::make_unique<SinkRunner>(std::move(node), std::move(status), metrics);
    }
    return {};
}

bool hasKind(const Node &node, NodeKind kind)
{
    switch (kind) {
    case NodeKind::Source:
        return qobject_cast<const Source *>(&node) != nullptr;
    case NodeKind::Transform:
        return qobject_cast<const Transform *>(&node) != nullptr;
    case NodeKind::Sink:
        return qobject_cast<const Sink *>(&node) != nullptr;
    }
    return false;
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
    bool stuck = false;
    for (const auto &runner : m_runners) {
        NodeRunner *target = runner.get();
        if (!runIn(target, nodeLimit, [target] { target->destroyNode(); })) {
            qCCritical(lcPipeline).noquote() << target->status().description.name << "does not stop";
            stuck = true;
        }
    }
    if (!stuck)
        return;
    // A node that never returns still uses its runner and edges. The process is ending; they go with it.
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
        if (const auto created = pipeline->createNode(node); !created)
            return Error{
                created.error().kind,
                QStringLiteral("%1: %2: %3").arg(description.file, node.name, created.error().message)};
    }
    for (const NodeDescription &node : description.nodes) {
        if (const auto connected = pipeline->connectNodes(node); !connected)
            return Error{
                connected.error().kind,
                QStringLiteral("%1: %2: %3").arg(description.file, node.name, connected.error().message)};
    }
    return pipeline;
}

Result<> Pipeline::createNode(const NodeDescription &description)
{
    if (const auto loaded = m_context.plugins.load(description.type); !loaded)
        return loaded.error();
    auto created = m_context.plugins.create(description.type);
    if (!created)
        return created.error();
    NodePtr<> node = *std::move(created);
    const PluginInfo *info = m_context.plugins.find(description.type);
    if (!hasKind(*node, description.kind))
        return Error{
            Error::Kind::Config,
            QStringLiteral("%1 says it is a %2 and is none").arg(info->path, nodeKindName(description.kind))};

    NodeContext context;
    context.pipeline = m_name;
    context.name = description.name;
    context.baseDirectory = QFileInfo(m_description.file).absolutePath();
    if (!m_context.stateDirectory.isEmpty())
        context.stateDirectory =
            QDir(m_context.stateDirectory).filePath(m_name + QLatin1Char('/') + description.name);
    node->setContext(context);
    OptionErrors errors = node->options().apply(description.options);
    if (errors.isEmpty())
        errors = node->validate();
    if (!errors.isEmpty())
        return Error{Error::Kind::Config, errors.first().toString()};

    QString thread = description.settings.thread;
    if (thread.isEmpty())
        thread = info->ownThread ? m_name + QLatin1Char('.') + description.name : QStringLiteral("main");
    auto status = std::make_shared<NodeStatus>(m_name, description);
    Node *bare = node.get();
    auto runner = makeRunner(std::move(node), status, m_context.metrics);
    runner->setEmits(info->emits);
    m_context.status.add(status);
    QThread *home = m_context.threads.thread(thread);
    bare->moveToThread(home);
    runner->moveToThread(home);
    m_runners.push_back(std::move(runner));
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
                edge = std::make_unique<QueuedEdge>(*from, *to, type, bound, *spool);
            } else {
                edge = std::make_unique<QueuedEdge>(*from, *to, type, bound, policy);
            }
            to->addQueue(edge.get());
            const Gauge queued =
                m_context.metrics.gauge("tidemill_edge_queued", "Records waiting in an edge's queue.",
                                        {{"pipeline", m_name.toUtf8()},
                                         {"from", input.node.toUtf8()},
                                         {"to", description.name.toUtf8()}});
            // A second edge between the same nodes is one for another record type; the gauge shows their sum.
            std::vector<std::shared_ptr<const std::atomic<quint64>>> cells{edge->rowsCell()};
            for (const auto &other : m_edges) {
                auto *queue = dynamic_cast<QueuedEdge *>(other.get());
                if (queue && &queue->from() == from && &queue->to() == to)
                    cells.push_back(queue->rowsCell());
            }
            m_context.metrics.addCollector([queued, cells] {
                quint64 rows = 0;
                for (const auto &cell : cells)
                    rows += cell->load(std::memory_order_relaxed);
                queued.set(double(rows));
            });
            m_edges.push_back(std::move(edge));
        }
        m_edges.back()->setAccepted(m_context.plugins.find(description.type)->accepts);
        to->addInput(m_edges.back().get());
        from->addOutput(m_edges.back().get());
    }
    warnOfLeftSpools(m_context.stateDirectory, m_name, description);
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
    Result<> result;
    for (const NodeKind kind : {NodeKind::Sink, NodeKind::Transform, NodeKind::Source}) {
        eachOf(kind, [&result](NodeRunner &runner) {
            if (!result)
                return;
            NodeRunner *target = &runner;
            auto started = std::make_shared<Result<>>();
            const QString name = runner.status().description.name;
            if (!runIn(target, nodeLimit, [target, started] { *started = target->start(); }))
                result = Error{Error::Kind::Internal, QStringLiteral("%1: start() did not return").arg(name)};
            else if (!*started)
                result = Error{started->error().kind, name + QLatin1String(": ") + started->error().message};
        });
    }
    return result;
}

bool Pipeline::isStarting() const
{
    return std::any_of(m_runners.begin(), m_runners.end(), [](const auto &runner) {
        return runner->status().snapshot().state == NodeState::Started;
    });
}

void Pipeline::stopSources()
{
    eachOf(NodeKind::Source, [](NodeRunner &runner) {
        NodeRunner *target = &runner;
        if (!runIn(target, nodeLimit, [target] { target->stop(); }))
            qCCritical(lcPipeline).noquote() << target->status().description.name << "does not stop";
    });
}

bool Pipeline::isSettled() const
{
    for (const auto &runner : m_runners) {
        if (runner->status().unsettled.load(std::memory_order_acquire) != 0)
            return false;
    }
    for (const auto &edge : m_edges) {
        const auto *queue = dynamic_cast<const QueuedEdge *>(edge.get());
        // A sink that is in trouble need not be waited for: its records are safe where they are.
        if (queue && queue->spool() && !queue->spool()->isEmpty() &&
            queue->to().status().snapshot().state == NodeState::Running)
            return false;
    }
    return true;
}

quint64 Pipeline::abandon()
{
    quint64 rows = 0;
    for (const auto &runner : m_runners) {
        NodeRunner *target = runner.get();
        const quint64 before = target->status().recordsDropped.load();
        runIn(target, std::chrono::seconds(1), [target] { target->abandon(); });
        rows += target->status().recordsDropped.load() - before;
    }
    return rows;
}

void Pipeline::stopRest()
{
    for (const NodeKind kind : {NodeKind::Transform, NodeKind::Sink}) {
        eachOf(kind, [](NodeRunner &runner) {
            NodeRunner *target = &runner;
            if (!runIn(target, nodeLimit, [target] { target->stop(); }))
                qCCritical(lcPipeline).noquote() << target->status().description.name << "does not stop";
        });
    }
}

} // namespace tidemill::host
