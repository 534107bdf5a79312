// SPDX-License-Identifier: Apache-2.0
#include "node_settings.h"

#include "sink_settings.h"

#include <QRegularExpression>

namespace tidemill::host {

namespace {

QString firstPart(const QString &dottedName)
{
    return dottedName.section(QLatin1Char('.'), 0, 0);
}

QStringList settingKeys(NodeKind kind)
{
    NodeSettings ignored;
    QStringList keys;
    for (const Option &option : nodeSettingsOptions(kind, ignored))
        keys.append(firstPart(option.name()));
    keys.removeDuplicates();
    return keys;
}

OptionError notForThisKind(const Value::Member &member)
{
    QStringList kinds;
    for (const NodeKind kind : {NodeKind::Source, NodeKind::Transform, NodeKind::Sink}) {
        if (settingKeys(kind).contains(member.key))
            kinds.append(nodeKindName(kind) + QLatin1Char('s'));
    }
    return {member.key,
            QStringLiteral("is for %1 only").arg(kinds.join(QLatin1String(" and "))),
            {},
            member.keyPlace};
}

} // namespace

OptionList nodeSettingsOptions(NodeKind kind, NodeSettings &settings)
{
    OptionList options{
        Option("thread", settings.thread,
               "Name of the thread to run in; nodes that name the same one share it.")
            .notEmpty(),
    };
    if (kind != NodeKind::Source) {
        options += OptionList{
            Option("queue.rows", settings.queueRows,
                   "Records that may wait in front of the node; then the policy says what happens.")
                .atLeast(1),
            Option("queue.bytes", settings.queueBytes, "Memory that waiting records may take.").atLeast(1),
            Option("queue.policy", settings.queuePolicy, "What happens when the queue is full.",
                   kind == NodeKind::Sink ? queuePolicyNames() : queuePolicyNames().mid(0, 4)),
        };
    }
    if (kind == NodeKind::Sink)
        options += sinkSettingsOptions(settings);
    if (kind == NodeKind::Source) {
        options += OptionList{
            Option("stale_after", settings.staleAfter,
                   "A stream without data for so long is unhealthy; 0s: never."),
            Option("stale_when", settings.staleWhen,
                   "all_streams: the source is unhealthy only if none of its streams has data.",
                   {QStringLiteral("any_stream"), QStringLiteral("all_streams")}),
            Option("startup_grace", settings.startupGrace,
                   "After the start, streams may be without data for so long."),
        };
    }
    return options;
}

QStringList hostKeys(NodeKind kind)
{
    QStringList keys{QStringLiteral("type")};
    if (kind != NodeKind::Source)
        keys.append(QStringLiteral("inputs"));
    return keys + settingKeys(kind);
}

QStringList allHostKeys()
{
    QStringList keys = hostKeys(NodeKind::Source) + hostKeys(NodeKind::Transform) + hostKeys(NodeKind::Sink);
    keys.removeDuplicates();
    return keys;
}

OptionErrors applyNodeSettings(NodeKind kind, const Value &node, NodeSettings &settings)
{
    const OptionList options = nodeSettingsOptions(kind, settings);
    const QStringList mine = settingKeys(kind);
    const QStringList all = allHostKeys();
    OptionErrors errors;
    QList<Value::Member> own;
    for (const Value::Member &member : node.members()) {
        if (member.key == QLatin1String("type") || member.key == QLatin1String("inputs"))
            continue;
        if (mine.contains(member.key))
            own.append(member);
        else if (all.contains(member.key))
            errors.append(notForThisKind(member));
    }
    errors += options.apply(Value::map(own, node.place()));
    const Value *thread = node.find(QStringLiteral("thread"));
    static const QRegularExpression name(
        QStringLiteral("^[A-Za-z0-9_-]{0,32}$")); // empty has been refused above
    if (thread && !name.match(settings.thread).hasMatch()) {
        errors.append({QStringLiteral("thread"),
                       QStringLiteral("expected up to 32 letters, digits, '_' or '-', got %1")
                           .arg(thread->description()),
                       {},
                       thread->place()});
    }
    if (kind == NodeKind::Sink)
        errors += settleSinkSettings(node, settings, errors.isEmpty());
    return errors;
}

} // namespace tidemill::host
