// SPDX-License-Identifier: Apache-2.0
#include "pipeline_parser.h"

#include "node_settings.h"

#include <QHash>
#include <QRegularExpression>

#include <algorithm>

namespace tidemill::host {

namespace {

constexpr int maxNodes = 1000;

const QStringList topKeys{QStringLiteral("name"), QStringLiteral("host"), QStringLiteral("sources"),
                          QStringLiteral("transforms"), QStringLiteral("sinks")};

QString describe(const Value &value)
{
    return value.kind() == Value::Kind::Scalar && value.text().isEmpty() ? QStringLiteral("an empty text")
                                                                         : value.description();
}

class Parser
{
public:
    explicit Parser(QList<Diagnostic> &diagnostics) : m_diagnostics(diagnostics) {}

    PipelineDescription parse(const Value &root);

private:
    void report(Place place, const QString &message, const QString &suggestion = {})
    {
        m_diagnostics.append({{}, place, message, suggestion});
    }
    // A null value has no place of its own.
    static Place placeOf(const Value::Member &member)
    {
        return member.value.place().line > 0 ? member.value.place() : member.keyPlace;
    }
    QHash<QString, Value::Member> sectionsOf(const Value &root);
    void parseName(const Value::Member &member);
    void parseHost(const Value::Member &section);
    void parseSection(NodeKind kind, const Value::Member &section);
    void parseNode(NodeKind kind, const Value::Member &entry);
    QList<Value::Member> withRightKeys(NodeKind kind, const Value &node);
    void parseType(const Value &node, NodeDescription &description);
    void parseInputs(const Value &node, NodeDescription &description);
    void parseInput(const Value &item, Place fallback, NodeDescription &description);

    QList<Diagnostic> &m_diagnostics;
    PipelineDescription m_pipeline;
};

PipelineDescription Parser::parse(const Value &root)
{
    if (root.kind() != Value::Kind::Map) {
        report(root.place().line > 0 ? root.place() : Place{1, 1},
               QStringLiteral("expected a pipeline (name, sources, transforms, sinks), got %1")
                   .arg(root.description()));
        return {};
    }
    const auto sections = sectionsOf(root);
    const auto missing = [&](const char *key) { return !sections.contains(QLatin1String(key)); };
    if (missing("name"))
        report(root.place(),
               QStringLiteral("name is required: what the pipeline is called in logs and metrics"));
    else
        parseName(sections[QStringLiteral("name")]);
    if (!missing("host"))
        parseHost(sections[QStringLiteral("host")]);
    if (missing("sources"))
        report(root.place(), QStringLiteral("sources is required: at least one source"));
    if (missing("sinks"))
        report(root.place(), QStringLiteral("sinks is required: at least one sink"));
    for (const NodeKind kind : {NodeKind::Source, NodeKind::Transform, NodeKind::Sink}) {
        const QString key = nodeKindName(kind) + QLatin1Char('s');
        if (sections.contains(key))
            parseSection(kind, sections[key]);
    }
    return m_pipeline;
}

// The file's top keys. A misspelt one is reported and then taken for what was meant: otherwise every node in
// it would be missed all over the file.
QHash<QString, Value::Member> Parser::sectionsOf(const Value &root)
{
    QHash<QString, Value::Member> sections;
    for (const Value::Member &member : root.members()) {
        if (topKeys.contains(member.key))
            sections.insert(member.key, member);
    }
    for (const Value::Member &member : root.members()) {
        if (topKeys.contains(member.key))
            continue;
        const QString meant = nearestName(member.key, topKeys);
        report(member.keyPlace,
               QStringLiteral("%1: no such key; a pipeline has name, host, sources, transforms and sinks")
                   .arg(member.key),
               meant);
        if (!meant.isEmpty() && !sections.contains(meant))
            sections.insert(meant, member);
    }
    return sections;
}

void Parser::parseName(const Value::Member &member)
{
    static const QRegularExpression form(QStringLiteral("^[a-z0-9][a-z0-9_-]*$"));
    m_pipeline.name = member.value.text();
    if (!form.match(m_pipeline.name).hasMatch())
        report(placeOf(member), QStringLiteral("name: expected small letters, digits, '_' and '-', got %1")
                                    .arg(describe(member.value)));
}

void Parser::parseHost(const Value::Member &section)
{
    if (section.value.isNull())
        return;
    for (const OptionError &error : applyHostSettings(section, m_pipeline.host))
        report(error.place, error.toString(), error.suggestion);
}

void Parser::parseSection(NodeKind kind, const Value::Member &section)
{
    const bool isOptional = kind == NodeKind::Transform;
    const Value &nodes = section.value;
    if (nodes.isNull() && isOptional)
        return;
    if (nodes.kind() != Value::Kind::Map) {
        report(placeOf(section),
               QStringLiteral("%1: expected a map of nodes, each with its name before the ':', got %2")
                   .arg(section.key, describe(nodes)));
        return;
    }
    if (nodes.members().isEmpty() && !isOptional)
        report(placeOf(section), QStringLiteral("%1: at least one is required").arg(section.key));
    for (const Value::Member &entry : nodes.members()) {
        if (m_pipeline.nodes.size() < maxNodes) {
            parseNode(kind, entry);
            continue;
        }
        report(entry.keyPlace, QStringLiteral("a pipeline has at most %1 nodes").arg(maxNodes));
        return;
    }
}

void Parser::parseNode(NodeKind kind, const Value::Member &entry)
{
    static const QRegularExpression form(QStringLiteral("^[a-z][a-z0-9_-]*$"));
    if (!form.match(entry.key).hasMatch())
        report(entry.keyPlace,
               QStringLiteral("the name of a node begins with a small letter and has small letters, digits, "
                              "'_' and '-' only, got '%1'")
                   .arg(entry.key));
    for (const NodeDescription &other : m_pipeline.nodes) {
        if (other.name == entry.key)
            report(entry.keyPlace, QStringLiteral("there is a %1 of the name '%2' in line %3 already")
                                       .arg(nodeKindName(other.kind), entry.key)
                                       .arg(other.place.line));
    }
    NodeDescription node;
    node.name = entry.key;
    node.kind = kind;
    node.place = entry.keyPlace;
    if (entry.value.kind() != Value::Kind::Map) {
        report(placeOf(entry), QStringLiteral("%1: expected the settings of a %2 (type, ...), got %3")
                                   .arg(entry.key, nodeKindName(kind), describe(entry.value)));
    } else {
        const Value written = Value::map(withRightKeys(kind, entry.value), node.place);
        parseType(written, node);
        parseInputs(written, node);
        for (const OptionError &error : applyNodeSettings(kind, written, node.settings))
            report(error.place, error.toString(), error.suggestion);
        QList<Value::Member> own;
        const QStringList hosts = allHostKeys();
        std::copy_if(written.members().begin(), written.members().end(), std::back_inserter(own),
                     [&](const Value::Member &member) { return !hosts.contains(member.key); });
        node.options = Value::map(own, node.place);
    }
    m_pipeline.nodes.append(node);
}

// The members of a node. Where a key that every node of the kind must have is missing and another one looks
// like it, that one is reported and taken for it.
QList<Value::Member> Parser::withRightKeys(NodeKind kind, const Value &node)
{
    QStringList missing;
    for (const QString &key : {QStringLiteral("type"), QStringLiteral("inputs")}) {
        if (!node.find(key) && (key == QLatin1String("type") || kind != NodeKind::Source))
            missing.append(key);
    }
    QList<Value::Member> members = node.members();
    for (Value::Member &member : members) {
        const QString meant = nearestName(member.key, missing);
        if (meant.isEmpty() || allHostKeys().contains(member.key))
            continue;
        report(member.keyPlace, QStringLiteral("%1: no such key").arg(member.key), meant);
        missing.removeOne(meant);
        member.key = meant;
    }
    return members;
}

void Parser::parseType(const Value &node, NodeDescription &description)
{
    const Value *type = node.find(QStringLiteral("type"));
    if (!type) {
        report(node.place(),
               QStringLiteral("type is required: the plugin that '%1' is").arg(description.name));
        return;
    }
    const auto &members = node.members();
    const auto written = std::find_if(members.begin(), members.end(),
                                      [type](const Value::Member &member) { return &member.value == type; });
    description.type = type->text();
    description.typePlace = placeOf(*written);
    if (type->kind() != Value::Kind::Scalar || type->text().isEmpty())
        report(description.typePlace,
               QStringLiteral("type: expected the name of a plugin, got %1").arg(describe(*type)));
}

void Parser::parseInputs(const Value &node, NodeDescription &description)
{
    const auto &members = node.members();
    const auto found = std::find_if(members.begin(), members.end(), [](const Value::Member &member) {
        return member.key == QLatin1String("inputs");
    });
    if (found == members.end()) {
        if (description.kind != NodeKind::Source)
            report(node.place(),
                   QStringLiteral("inputs is required: which nodes '%1' reads, such as inputs: [name]")
                       .arg(description.name));
        return;
    }
    const Value &inputs = found->value;
    if (description.kind == NodeKind::Source) {
        report(found->keyPlace, QStringLiteral("inputs: a source reads no other nodes"));
    } else if (inputs.kind() != Value::Kind::List) {
        const bool isName = inputs.kind() == Value::Kind::Scalar && !inputs.text().isEmpty();
        report(placeOf(*found),
               QStringLiteral("inputs: expected a list of nodes, got %1").arg(describe(inputs)),
               isName ? QLatin1Char('[') + inputs.text() + QLatin1Char(']') : QString());
        if (isName) // understood all the same, so that nobody is told that nobody reads it
            parseInput(inputs, found->keyPlace, description);
    } else {
        if (inputs.items().isEmpty())
            report(inputs.place(), QStringLiteral("inputs: at least one is required"));
        for (const Value &item : inputs.items())
            parseInput(item, inputs.place(), description);
    }
}

void Parser::parseInput(const Value &item, Place fallback, NodeDescription &description)
{
    static const QRegularExpression form(QStringLiteral("^([^.\\s]+)(?:\\.([a-z][a-z0-9_]*))?$"));
    const Place place = item.place().line > 0 ? item.place() : fallback;
    const auto match = form.match(item.text());
    if (match.hasMatch())
        description.inputs.append({match.captured(1), match.captured(2), place});
    else
        report(place, QStringLiteral("inputs: expected the name of a node, or node.record_type, got %1")
                          .arg(describe(item)));
}

} // namespace

PipelineDescription parseDescription(const Value &root, QList<Diagnostic> &diagnostics)
{
    return Parser(diagnostics).parse(root);
}

} // namespace tidemill::host
