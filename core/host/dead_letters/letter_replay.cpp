// SPDX-License-Identifier: Apache-2.0
#include "letter_replay.h"

#include "../node_maker.h"
#include "letter_source.h"
#include "letter_store.h"

#include <QDir>
#include <QFileInfo>

#include <algorithm>
#include <limits>

namespace tidemill::host {

namespace {

QString stateOf(const QString &stateDirectory, const QString &pipeline, const QString &sink)
{
    return QDir(stateDirectory).filePath(pipeline + QLatin1Char('/') + sink);
}

std::shared_ptr<NodeStatus> sourceStatus(const QString &pipeline)
{
    NodeDescription description;
    description.name = QStringLiteral("dead_letters");
    description.kind = NodeKind::Source;
    return std::make_shared<NodeStatus>(pipeline, description);
}

} // namespace

LetterReplay::LetterReplay(std::unique_ptr<NodeRunner> sink, const QStringList &letters,
                           MetricsRegistry &metrics)
    : m_sink(std::move(sink))
    , m_letters(new LetterSource(letters))
{
    const NodeSettings &settings = m_sink->status().description.settings;
    m_source = std::make_unique<SourceRunner>(NodePtr<>(m_letters), sourceStatus(m_sink->status().pipeline),
                                              metrics);
    m_edge = std::make_unique<QueuedEdge>(
        *m_source, *m_sink, QByteArray(),
        QueuedEdge::Bound{quint64(settings.queueRows), quint64(settings.queueBytes.bytes)});
    m_source->addOutput(m_edge.get());
    m_sink->addInput(m_edge.get());
    m_sink->addQueue(m_edge.get());
    connect(&m_timer, &QTimer::timeout, this, &LetterReplay::checkFinished);
}

LetterReplay::~LetterReplay()
{
    for (const auto *runner : {&m_source, &m_sink})
        (*runner)->destroyNode();
}

Result<> LetterReplay::start()
{
    for (const auto *runner : {&m_sink, &m_source}) {
        if (const auto started = (*runner)->start(); !started)
            return started;
    }
    m_sink->hurry();
    m_timer.start(std::chrono::milliseconds(5));
    return {};
}

void LetterReplay::checkFinished()
{
    if (m_letters->isAtEnd() && m_sink->status().recordsQueued.load() == 0)
        finish();
}

void LetterReplay::stop()
{
    finish();
}

void LetterReplay::finish()
{
    if (m_refused)
        return;
    m_timer.stop();
    m_refused = m_sink->status().recordsDropped.load();
    m_sink->abandon(); // what is not answered for stays in its letters
    m_source->stop();
    m_sink->stop();
    emit finished();
}

LetterReplay::Outcome LetterReplay::outcome() const
{
    const LetterSource::Tally &tally = m_letters->tally();
    const NodeStatus &sink = m_sink->status();
    return {tally.offered, tally.offered - tally.removed, sink.delivered(),
            m_refused.value_or(sink.recordsDropped.load()), tally.problems};
}

Result<std::unique_ptr<NodeRunner>> makeReplaySink(const PipelineDescription &pipeline, const QString &sink,
                                                   const QString &stateDirectory, PluginRegistry &plugins,
                                                   MetricsRegistry &metrics)
{
    const auto found =
        std::find_if(pipeline.nodes.begin(), pipeline.nodes.end(), [&sink](const NodeDescription &node) {
            return node.name == sink && node.kind == NodeKind::Sink;
        });
    if (found == pipeline.nodes.end())
        return Error{
            Error::Kind::Config,
            QStringLiteral("%1: pipeline %2 has no sink '%3'").arg(pipeline.file, pipeline.name, sink)};
    if (const auto loaded = plugins.load(found->kind, found->type); !loaded)
        return loaded.error();
    NodeOrder order;
    order.description = *found;
    order.description.settings.onError = OnError::DeadLetter;
    order.description.settings.deadLettersMax.bytes = std::numeric_limits<qint64>::max();
    order.plugin = *plugins.find(found->kind, found->type);
    order.context.pipeline = pipeline.name;
    order.context.name = sink;
    order.context.baseDirectory = QFileInfo(pipeline.file).absolutePath();
    order.context.stateDirectory = stateOf(stateDirectory, pipeline.name, sink);
    order.status = std::make_shared<NodeStatus>(pipeline.name, order.description);
    return makeNode(order, plugins, metrics);
}

QString letterFolderOf(const QString &stateDirectory, const QString &pipeline, const QString &sink)
{
    return letterFolder(stateOf(stateDirectory, pipeline, sink));
}

} // namespace tidemill::host
