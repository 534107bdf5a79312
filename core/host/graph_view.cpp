// SPDX-License-Identifier: Apache-2.0
#include "graph_view.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace tidemill::host {

namespace {

// Names are checked by whoever reads a file, types are not before plugins are asked.
QString escaped(QString text, GraphFormat format)
{
    if (format == GraphFormat::Mermaid)
        return text.replace(QLatin1Char('"'), QLatin1String("#quot;"));
    return text.replace(QLatin1Char('\\'), QLatin1String("\\\\"))
        .replace(QLatin1Char('"'), QLatin1String("\\\""));
}

// Neither language takes every node name as an identifier, and two pipelines may use the same names.
QString nodeId(qsizetype pipeline, qsizetype node)
{
    return QStringLiteral("p%1n%2").arg(pipeline).arg(node);
}

qsizetype indexOf(const PipelineDescription &pipeline, const QString &name)
{
    for (qsizetype i = 0; i < pipeline.nodes.size(); ++i) {
        if (pipeline.nodes[i].name == name)
            return i;
    }
    return -1;
}

// Calls visit(from id, to id, record type) for each edge of a pipeline.
template<typename Visit>
void forEachEdge(const PipelineDescription &pipeline, qsizetype number, Visit visit)
{
    for (qsizetype to = 0; to < pipeline.nodes.size(); ++to) {
        for (const InputRef &input : pipeline.nodes[to].inputs) {
            if (const qsizetype from = indexOf(pipeline, input.node); from >= 0)
                visit(nodeId(number, from), nodeId(number, to), input.recordType);
        }
    }
}

QString asMermaid(const QList<PipelineDescription> &pipelines)
{
    constexpr auto format = GraphFormat::Mermaid;
    QString text = QStringLiteral("flowchart LR\n");
    for (qsizetype p = 0; p < pipelines.size(); ++p) {
        const PipelineDescription &pipeline = pipelines[p];
        text += QStringLiteral("    subgraph p%1[\"%2\"]\n").arg(p).arg(escaped(pipeline.name, format));
        for (qsizetype n = 0; n < pipeline.nodes.size(); ++n) {
            const NodeDescription &node = pipeline.nodes[n];
            // Where data comes in, what happens to it, where it stays.
            const QString shape = node.kind == NodeKind::Source ? QStringLiteral("([\"%1\"])")
                                  : node.kind == NodeKind::Sink ? QStringLiteral("[(\"%1\")]")
                                                                : QStringLiteral("[\"%1\"]");
            const QString label =
                escaped(node.name, format) + QLatin1String("<br/>") + escaped(node.type, format);
            text += QLatin1String("        ") + nodeId(p, n) + shape.arg(label) + QLatin1Char('\n');
        }
        forEachEdge(pipeline, p, [&](const QString &from, const QString &to, const QString &records) {
            text += QLatin1String("        ") + from + QLatin1String(" -->") +
                    (records.isEmpty() ? QString() : QLatin1Char('|') + records + QLatin1Char('|')) +
                    QLatin1Char(' ') + to + QLatin1Char('\n');
        });
        text += QLatin1String("    end\n");
    }
    return text;
}

QString asDot(const QList<PipelineDescription> &pipelines)
{
    constexpr auto format = GraphFormat::Dot;
    QString text = QStringLiteral("digraph tidemill {\n    rankdir=LR;\n");
    for (qsizetype p = 0; p < pipelines.size(); ++p) {
        const PipelineDescription &pipeline = pipelines[p];
        text += QStringLiteral("    subgraph cluster_p%1 {\n        label=\"%2\";\n")
                    .arg(p)
                    .arg(escaped(pipeline.name, format));
        for (qsizetype n = 0; n < pipeline.nodes.size(); ++n) {
            const NodeDescription &node = pipeline.nodes[n];
            const char *shape = node.kind == NodeKind::Source ? "oval"
                                : node.kind == NodeKind::Sink ? "cylinder"
                                                              : "box";
            text += QLatin1String("        ") + nodeId(p, n) + QLatin1String(" [shape=") +
                    QLatin1String(shape) + QLatin1String(", label=\"") + escaped(node.name, format) +
                    QLatin1String("\\n") + escaped(node.type, format) + QLatin1String("\"];\n");
        }
        forEachEdge(pipeline, p, [&](const QString &from, const QString &to, const QString &records) {
            text += QLatin1String("        ") + from + QLatin1String(" -> ") + to +
                    (records.isEmpty() ? QString()
                                       : QLatin1String(" [label=\"") + records + QLatin1String("\"]")) +
                    QLatin1String(";\n");
        });
        text += QLatin1String("    }\n");
    }
    return text + QLatin1String("}\n");
}

QString asJson(const QList<PipelineDescription> &pipelines)
{
    QJsonArray all;
    for (const PipelineDescription &pipeline : pipelines) {
        QJsonArray nodes;
        QJsonArray edges;
        for (const NodeDescription &node : pipeline.nodes) {
            nodes.append(QJsonObject{{QStringLiteral("name"), node.name},
                                     {QStringLiteral("kind"), nodeKindName(node.kind)},
                                     {QStringLiteral("type"), node.type}});
            for (const InputRef &input : node.inputs) {
                edges.append(QJsonObject{{QStringLiteral("from"), input.node},
                                         {QStringLiteral("to"), node.name},
                                         {QStringLiteral("records"), input.recordType.isEmpty()
                                                                         ? QJsonValue(QJsonValue::Null)
                                                                         : QJsonValue(input.recordType)}});
            }
        }
        all.append(QJsonObject{{QStringLiteral("name"), pipeline.name},
                               {QStringLiteral("nodes"), nodes},
                               {QStringLiteral("edges"), edges}});
    }
    return QString::fromUtf8(QJsonDocument(QJsonObject{{QStringLiteral("pipelines"), all}}).toJson());
}

} // namespace

std::optional<GraphFormat> graphFormatFromName(const QString &name)
{
    if (name == QLatin1String("mermaid"))
        return GraphFormat::Mermaid;
    if (name == QLatin1String("dot"))
        return GraphFormat::Dot;
    if (name == QLatin1String("json"))
        return GraphFormat::Json;
    return std::nullopt;
}

QString graphAs(const QList<PipelineDescription> &pipelines, GraphFormat format)
{
    switch (format) {
    case GraphFormat::Mermaid:
        return asMermaid(pipelines);
    case GraphFormat::Dot:
        return asDot(pipelines);
    case GraphFormat::Json:
        return asJson(pipelines);
    }
    return {};
}

} // namespace tidemill::host
