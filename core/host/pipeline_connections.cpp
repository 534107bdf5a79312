// SPDX-License-Identifier: Apache-2.0
#include "pipeline_parser.h"

#include <QHash>
#include <QSet>

#include <algorithm>

namespace tidemill::host {

namespace {

constexpr int maxSuggestions = 50; // finding one takes time, and nobody reads more
constexpr int maxCycles = 10;

class Connections
{
public:
    explicit Connections(const PipelineDescription &pipeline) : m_pipeline(pipeline)
    {
        for (const NodeDescription &node : pipeline.nodes) {
            m_nodes.insert(node.name, &node);
            if (node.kind != NodeKind::Sink)
                m_readable.append(node.name);
        }
    }

    QList<Diagnostic> check()
    {
        for (const NodeDescription &node : m_pipeline.nodes) {
            for (qsizetype i = 0; i < node.inputs.size(); ++i)
                checkInput(node, i);
        }
        checkUnread();
        checkCycles();
        return m_problems;
    }

private:
    void report(Place place, const QString &message, const QString &suggestion = {})
    {
        m_problems.append({{}, place, message, suggestion});
    }
    void checkInput(const NodeDescription &node, qsizetype index);
    QString meantInput(const NodeDescription &reader, const QString &name);
    void checkUnread();
    void checkCycles();
    void removeFinished(QSet<QString> &rest) const;
    QStringList cycleFrom(const QString &start, const QSet<QString> &rest) const;

    const PipelineDescription &m_pipeline;
    QHash<QString, const NodeDescription *> m_nodes;
    QStringList m_readable;
    QSet<QString> m_read;
    QList<Diagnostic> m_problems;
    int m_suggestions = 0;
};

void Connections::checkInput(const NodeDescription &node, qsizetype index)
{
    const InputRef &input = node.inputs[index];
    const NodeDescription *from = m_nodes.value(input.node);
    if (!from) {
        const QString meant = meantInput(node, input.node);
        m_read.insert(meant); // one slip, one message
        report(input.place, QStringLiteral("inputs: there is no node '%1'").arg(input.node), meant);
        return;
    }
    if (from == &node)
        report(input.place, QStringLiteral("inputs: '%1' cannot read itself").arg(node.name));
    else if (from->kind == NodeKind::Sink)
        report(input.place,
               QStringLiteral("inputs: '%1' is a sink, nothing comes out of it").arg(from->name));
    else
        m_read.insert(from->name);

    for (qsizetype i = 0; i < index; ++i) {
        const InputRef &other = node.inputs[i];
        if (other.node != input.node)
            continue;
        if (other.recordType == input.recordType)
            report(input.place,
                   QStringLiteral("inputs: '%1' is given twice")
                       .arg(input.recordType.isEmpty() ? input.node
                                                       : input.node + QLatin1Char('.') + input.recordType));
        else if (other.recordType.isEmpty() || input.recordType.isEmpty())
            report(
                input.place,
                QStringLiteral("inputs: '%1' alone means all its record types already: keep either '%1' or "
                               "the single types")
                    .arg(input.node));
        else
            continue;
        return;
    }
}

QString Connections::meantInput(const NodeDescription &reader, const QString &name)
{
    if (++m_suggestions > maxSuggestions)
        return {};
    QStringList candidates = m_readable;
    candidates.removeAll(reader.name);
    QString near = nearestName(name, candidates);
    if (!near.isEmpty())
        return near;
    // Whoever writes a plugin's id means the node that is one.
    QStringList ofThatType;
    for (const NodeDescription &node : m_pipeline.nodes) {
        if (node.type == name && candidates.contains(node.name))
            ofThatType.append(node.name);
    }
    return ofThatType.size() == 1 ? ofThatType.first() : QString();
}

void Connections::checkUnread()
{
    for (const NodeDescription &node : m_pipeline.nodes) {
        if (node.kind != NodeKind::Sink && !m_read.contains(node.name))
            report(node.place,
                   QStringLiteral(
                       "nobody reads '%1': name it in the inputs of a sink or a transform, or remove it")
                       .arg(node.name));
    }
}

// Takes away all nodes that read nothing of the rest: what stays is in a cycle or behind one.
void Connections::removeFinished(QSet<QString> &rest) const
{
    for (bool changed = true; changed;) {
        changed = false;
        for (const NodeDescription &node : m_pipeline.nodes) {
            const bool waits = std::any_of(node.inputs.begin(), node.inputs.end(),
                                           [&](const InputRef &input) { return rest.contains(input.node); });
            if (!waits)
                changed |= rest.remove(node.name);
        }
    }
}

// Follows inputs until a node comes again: from there on the way is a cycle, named in the direction of the
// data.
QStringList Connections::cycleFrom(const QString &start, const QSet<QString> &rest) const
{
    QStringList way{start};
    while (true) {
        const auto &inputs = m_nodes.value(way.last())->inputs;
        const auto next = std::find_if(inputs.begin(), inputs.end(),
                                       [&](const InputRef &input) { return rest.contains(input.node); });
        if (next == inputs.end())
            return {};
        const qsizetype seen = way.indexOf(next->node);
        way.append(next->node);
        if (seen >= 0) {
            QStringList cycle = way.mid(seen);
            std::reverse(cycle.begin(), cycle.end());
            return cycle;
        }
    }
}

void Connections::checkCycles()
{
    QSet<QString> rest;
    for (const NodeDescription &node : m_pipeline.nodes) {
        const bool readsItself = std::any_of(node.inputs.begin(), node.inputs.end(),
                                             [&](const InputRef &input) { return input.node == node.name; });
        if (node.kind == NodeKind::Transform && !readsItself) // said already
            rest.insert(node.name);
    }
    removeFinished(rest);
    for (int found = 0; !rest.isEmpty() && found < maxCycles; ++found) {
        const auto start =
            std::find_if(m_pipeline.nodes.begin(), m_pipeline.nodes.end(),
                         [&](const NodeDescription &node) { return rest.contains(node.name); });
        const QStringList cycle = cycleFrom(start->name, rest);
        if (cycle.isEmpty())
            return;
        // Pointed at where the node that stands first in the file takes its input from the cycle.
        const NodeDescription *first = nullptr;
        for (const QString &name : cycle) {
            const NodeDescription *node = m_nodes.value(name);
            if (!first || node->place.line < first->place.line)
                first = node;
            rest.remove(name);
        }
        const auto input =
            std::find_if(first->inputs.begin(), first->inputs.end(),
                         [&](const InputRef &candidate) { return cycle.contains(candidate.node); });
        report(input->place, QStringLiteral("inputs: these nodes read each other in a circle: %1")
                                 .arg(cycle.join(QLatin1String(" -> "))));
        removeFinished(rest);
    }
}

} // namespace

QList<Diagnostic> checkConnections(const PipelineDescription &pipeline)
{
    return Connections(pipeline).check();
}

} // namespace tidemill::host
