// SPDX-License-Identifier: Apache-2.0
#include "node_settings.h"
#include "node_threads.h"
#include "plugin_registry.h"
#include "status.h"
#include "substitution.h"

#include <QFileInfo>

#include <algorithm>

// PluginRegistry::check(): a pipeline against the plugins it names.

namespace tidemill::host {

namespace {

const QString any = QStringLiteral("*");

// What a node says about its options. Owned by the call that asks it, which may outlive our waiting for it.
struct OptionsCheck
{
    PluginRegistry *plugins;
    NodeDescription description;
    NodeContext context;
    OptionErrors errors;
    QString pluginFault; // empty if the plugin did as it should

    void run()
    {
        auto created = plugins->create(description.kind, description.type);
        if (!created) {
            pluginFault = created.error().message;
            return;
        }
        const std::unique_ptr<Node> node(created->release()); // never started, so not to be stopped either
        node->setContext(context);
        try {
            const OptionList options = node->options();
            if (const auto checked = options.checkNames(); !checked) {
                pluginFault =
                    QStringLiteral("plugin '%1': %2").arg(description.type, checked.error().message);
                return;
            }
            // The host's own keys are not in the options; they are named for the sake of "did you mean".
            errors = options.apply(description.options, hostKeys(description.kind));
            if (errors.isEmpty())
                errors = node->validate();
        } catch (const std::exception &e) {
            pluginFault = QStringLiteral("plugin '%1' threw while its options were checked: %2")
                              .arg(description.type, QString::fromUtf8(e.what()));
        } catch (...) {
            pluginFault =
                QStringLiteral("plugin '%1' threw while its options were checked").arg(description.type);
        }
    }
};

class PluginCheck
{
public:
    // `known`: what has been said about the file already.
    PluginCheck(PluginRegistry &registry, const PipelineDescription &pipeline,
                const QList<Diagnostic> &known = {})
        : m_registry(registry)
        , m_pipeline(pipeline)
        , m_known(known)
    {}
    ~PluginCheck()
    {
        if (m_thread) {
            m_thread->quit();
            m_thread->wait();
        }
    }
    Q_DISABLE_COPY_MOVE(PluginCheck)

    QList<Diagnostic> run()
    {
        for (const NodeDescription &node : m_pipeline.nodes) {
            if (checkType(node))
                checkOptions(node);
        }
        for (const NodeDescription &node : m_pipeline.nodes)
            checkEdges(node);
        sortDiagnostics(m_problems);
        return m_problems;
    }

private:
    void reportPlugin(Place place, const QString &message)
    {
        const qsizetype before = m_problems.size();
        report(place, message);
        if (m_problems.size() > before)
            m_problems.last().isPluginFault = true;
    }
    void report(Place place, const QString &message, const QString &suggestion = {})
    {
        if (isKnown(place)) // what follows from what was said about it is not worth saying
            return;
        const QStringList &secrets = m_pipeline.secrets;
        m_problems.append({m_pipeline.file, place, masked(message, secrets), masked(suggestion, secrets)});
    }
    bool checkType(const NodeDescription &node);
    void checkOptions(const NodeDescription &node);
    void report(const NodeDescription &node, const OptionErrors &errors);
    void checkEdges(const NodeDescription &node);
    void checkEdge(const NodeDescription &node, const InputRef &input);
    // The plugin of a node, if there is a usable one of its kind; nullptr otherwise, which has been reported.
    const PluginInfo *pluginOf(const NodeDescription &node) const;

    bool isKnown(Place place) const;
    bool isKnownWithin(const Value &value) const;

    PluginRegistry &m_registry;
    const PipelineDescription &m_pipeline;
    const QList<Diagnostic> m_known;
    QList<Diagnostic> m_problems;
    std::unique_ptr<NodeThread> m_thread; // where plugins are asked, so that none can hold up the others
};

const PluginInfo *PluginCheck::pluginOf(const NodeDescription &node) const
{
    const PluginInfo *info = m_registry.find(node.kind, node.type);
    return info && info->error.isEmpty() ? info : nullptr;
}

bool PluginCheck::checkType(const NodeDescription &node)
{
    if (node.type.isEmpty())
        return false; // said when the file was read
    const QString kind = nodeKindName(node.kind);
    if (!m_registry.find(node.kind, node.type)) {
        if (const PluginInfo *other = m_registry.findAny(node.type)) {
            report(node.typePlace, QStringLiteral("type: '%1' is a %2, not a %3")
                                       .arg(node.type, nodeKindName(other->kind), kind));
            return false;
        }
        QStringList candidates;
        for (const PluginInfo &plugin : m_registry.plugins()) {
            if (plugin.kind == node.kind)
                candidates.append(plugin.id);
        }
        report(node.typePlace, QStringLiteral("type: there is no %1 plugin '%2'").arg(kind, node.type),
               nearestName(node.type, candidates));
        return false;
    }
    if (const auto loaded = m_registry.load(node.kind, node.type); !loaded) {
        reportPlugin(node.typePlace, QStringLiteral("type: %1").arg(loaded.error().message));
        return false;
    }
    return true;
}

void PluginCheck::checkOptions(const NodeDescription &description)
{
    auto check = std::make_shared<OptionsCheck>();
    check->plugins = &m_registry;
    check->description = description;
    check->context.pipeline = m_pipeline.name;
    check->context.name = description.name;
    check->context.baseDirectory = QFileInfo(m_pipeline.file).absolutePath();
    if (!m_thread) {
        m_thread = std::make_unique<NodeThread>();
        m_thread->start();
    }
    if (!runIn(m_thread.get(), nodeCallLimit, [check] { check->run(); })) {
        (void)m_thread.release(); // it never ends
        reportPlugin(description.typePlace,
                     QStringLiteral("type: plugin '%1' did not return in %2 s while its options were checked")
                         .arg(description.type)
                         .arg(nodeCallLimit.count()));
        return;
    }
    if (check->pluginFault.isEmpty())
        report(description, check->errors);
    else
        reportPlugin(description.typePlace, QStringLiteral("type: ") + check->pluginFault);
}

// The place of "tables.prices.columns": of the deepest part of the path that was written.
Place placeOfPath(const Value &options, const QString &path)
{
    Place place;
    const Value *value = &options;
    for (const QString &key : path.split(QLatin1Char('.'))) {
        const auto &members = value->members();
        const auto found = std::find_if(members.begin(), members.end(),
                                        [&](const Value::Member &member) { return member.key == key; });
        if (found == members.end())
            break;
        value = &found->value;
        place = value->place().line > 0 ? value->place() : found->keyPlace;
    }
    return place;
}

bool PluginCheck::isKnown(Place place) const
{
    return std::any_of(m_known.begin(), m_known.end(), [&](const Diagnostic &known) {
        return place.line > 0 && known.place.line == place.line && known.place.column == place.column;
    });
}

bool PluginCheck::isKnownWithin(const Value &value) const
{
    const auto &items = value.items();
    const auto &members = value.members();
    return isKnown(value.place()) ||
           std::any_of(items.begin(), items.end(), [&](const Value &item) { return isKnownWithin(item); }) ||
           std::any_of(members.begin(), members.end(),
                       [&](const Value::Member &member) { return isKnownWithin(member.value); });
}

void PluginCheck::report(const NodeDescription &node, const OptionErrors &errors)
{
    for (const OptionError &error : errors) {
        const Value *written = node.options.find(error.path.section(QLatin1Char('.'), 0, 0));
        if (written && isKnownWithin(*written))
            continue;
        // An option is missing because its name is misspelt: one slip, one message.
        const bool isMisspelt =
            !written && std::any_of(errors.begin(), errors.end(),
                                    [&](const OptionError &other) { return other.suggestion == error.path; });
        if (isMisspelt)
            continue;
        Place place = error.place;
        if (place.line == 0)
            place = placeOfPath(node.options, error.path);
        report(place.line > 0 ? place : node.place, error.toString(), error.suggestion);
    }
}

void PluginCheck::checkEdges(const NodeDescription &node)
{
    for (const InputRef &input : node.inputs)
        checkEdge(node, input);
}

void PluginCheck::checkEdge(const NodeDescription &node, const InputRef &input)
{
    const auto from =
        std::find_if(m_pipeline.nodes.begin(), m_pipeline.nodes.end(),
                     [&](const NodeDescription &candidate) { return candidate.name == input.node; });
    const PluginInfo *giver = from == m_pipeline.nodes.end() ? nullptr : pluginOf(*from);
    const PluginInfo *taker = pluginOf(node);
    const QStringList emits = giver ? giver->emits : QStringList{any};
    if (!input.recordType.isEmpty() && !emits.contains(any) && !emits.contains(input.recordType)) {
        const QString meant = nearestName(input.recordType, emits);
        report(input.place,
               QStringLiteral("inputs: '%1' (%2) makes no '%3', only %4")
                   .arg(input.node, from->type, input.recordType, emits.join(QLatin1String(", "))),
               meant.isEmpty() ? QString() : input.node + QLatin1Char('.') + meant);
        return;
    }
    const QStringList offered = input.recordType.isEmpty() ? emits : QStringList{input.recordType};
    if (!taker || offered.contains(any) || taker->accepts.contains(any))
        return;
    const bool fits = std::any_of(offered.begin(), offered.end(),
                                  [&](const QString &type) { return taker->accepts.contains(type); });
    if (!fits)
        report(input.place, QStringLiteral("inputs: '%1' gives %2, but '%3' (%4) takes only %5")
                                .arg(input.node, offered.join(QLatin1String(", ")), node.name, node.type,
                                     taker->accepts.join(QLatin1String(", "))));
}

} // namespace

QList<Diagnostic> PluginRegistry::check(const PipelineDescription &pipeline)
{
    return PluginCheck(*this, pipeline).run();
}

QList<Diagnostic> checkPipelineFile(const PipelineFile &file, PluginRegistry &registry)
{
    QList<Diagnostic> all =
        file.diagnostics + PluginCheck(registry, file.description, file.diagnostics).run();
    sortDiagnostics(all);
    return all;
}

} // namespace tidemill::host
