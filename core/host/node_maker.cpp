// SPDX-License-Identifier: Apache-2.0
#include "node_maker.h"

#include "sink_runner.h"

namespace tidemill::host {

namespace {

std::unique_ptr<NodeRunner> makeRunner(NodePtr<> node, const std::shared_ptr<NodeStatus> &status,
                                       Metrics &metrics)
{
    switch (status->description.kind) {
    case NodeKind::Source:
        return std::make_unique<SourceRunner>(std::move(node), status, metrics);
    case NodeKind::Transform:
        return std::make_unique<TransformRunner>(std::move(node), status, metrics);
    case NodeKind::Sink:
        return std::make_unique<SinkRunner>(std::move(node), status, metrics);
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

// The error of the first wrong option; throws what the plugin throws.
Result<> configure(Node &node, const NodeOrder &order)
{
    node.setContext(order.context);
    OptionErrors errors = node.options().apply(order.description.options);
    if (errors.isEmpty())
        errors = node.validate();
    if (!errors.isEmpty())
        return Error{Error::Kind::Config, errors.first().toString()};
    return {};
}

} // namespace

Result<std::unique_ptr<NodeRunner>> makeNode(const NodeOrder &order, PluginRegistry &plugins,
                                             Metrics &metrics)
{
    auto created = plugins.create(order.description.kind, order.description.type);
    if (!created)
        return created.error();
    NodePtr<> node = *std::move(created);
    if (!hasKind(*node, order.description.kind))
        return Error{Error::Kind::Config, QStringLiteral("%1 says it is a %2 and is none")
                                              .arg(order.plugin.path, nodeKindName(order.description.kind))};
    Result<> configured;
    try {
        configured = configure(*node, order);
    } catch (const std::exception &e) {
        configured =
            Error{Error::Kind::Internal,
                  QStringLiteral("threw while its options were set: %1").arg(QString::fromUtf8(e.what()))};
    } catch (...) {
        configured = Error{Error::Kind::Internal, QStringLiteral("threw while its options were set")};
    }
    if (!configured) {
        delete node.release(); // never started, so not to be stopped either
        return configured.error();
    }
    auto runner = makeRunner(std::move(node), order.status, metrics);
    runner->setEmits(order.plugin.emits);
    return runner;
}

} // namespace tidemill::host
