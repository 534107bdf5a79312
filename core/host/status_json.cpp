// SPDX-License-Identifier: Apache-2.0
#include "status_json.h"

#include <QJsonArray>

#include <algorithm>
#include <cmath>

namespace tidemill::host {

double roundedSeconds(double seconds)
{
    return std::round(seconds * 1'000) / 1'000;
}

QJsonValue timeJson(Timestamp time)
{
    if (time.isNull())
        return {};
    constexpr qint64 nsPerMs = 1'000'000;
    return QString::fromLatin1(Timestamp::fromMilliseconds(time.ns / nsPerMs).toString());
}

QJsonValue ageJson(Timestamp then, Timestamp now)
{
    if (then.isNull())
        return {};
    return roundedSeconds(std::max(std::chrono::duration<double>(now - then).count(), 0.0));
}

QString componentId(const NodeStatus &node)
{
    return node.pipeline + u'/' + node.description.name;
}

QJsonObject streamJson(const Source::Stream &stream, Timestamp now)
{
    const Timestamp last{stream.lastDataNs ? stream.lastDataNs->load(std::memory_order_relaxed) : 0};
    return {
        {QStringLiteral("symbol"), QString::fromUtf8(stream.symbol)},
        {QStringLiteral("stream"), QString::fromUtf8(stream.stream)},
        {QStringLiteral("age_seconds"), ageJson(last, now)},
    };
}

static QJsonValue count(const std::atomic<quint64> &figure)
{
    return qint64(figure.load(std::memory_order_relaxed));
}

static QJsonArray streamsJson(const QList<Source::Stream> &streams, Timestamp now)
{
    QJsonArray result;
    for (const Source::Stream &stream : streams)
        result.append(streamJson(stream, now));
    return result;
}

static QJsonObject positionsJson(const QHash<QByteArray, QByteArray> &positions)
{
    QJsonObject result;
    for (auto position = positions.begin(); position != positions.end(); ++position)
        result.insert(QString::fromUtf8(position.key()), QString::fromUtf8(*position));
    return result;
}

static QJsonObject breakerJson(const DeliveryState &delivery)
{
    const bool waits = delivery.breaker == BreakerState::Open;
    return {
        {QStringLiteral("state"), QString::fromLatin1(breakerStateName(delivery.breaker))},
        {QStringLiteral("consecutive_failures"), delivery.failures},
        {QStringLiteral("since"), timeJson(delivery.since)},
        {QStringLiteral("next_try"), waits ? timeJson(delivery.nextTry) : QJsonValue()},
    };
}

static QJsonArray inputsJson(const QList<InputRef> &inputs)
{
    QJsonArray result;
    for (const InputRef &input : inputs)
        result.append(input.recordType.isEmpty() ? input.node : input.node + u'.' + input.recordType);
    return result;
}

QJsonObject nodeJson(const NodeStatus &node, Timestamp now)
{
    const NodeStatus::Snapshot snapshot = node.snapshot();
    const Timestamp lastData{node.lastDataNs.load(std::memory_order_relaxed)};
    QJsonObject result{
        {QStringLiteral("pipeline"), node.pipeline},
        {QStringLiteral("node"), node.description.name},
        {QStringLiteral("kind"), nodeKindName(node.description.kind)},
        {QStringLiteral("type"), node.description.type},
        {QStringLiteral("state"), QString::fromLatin1(nodeStateName(snapshot.state))},
        {QStringLiteral("since"), timeJson(snapshot.since)},
        {QStringLiteral("error"), snapshot.error.isEmpty() ? QJsonValue() : QJsonValue(snapshot.error)},
        {QStringLiteral("last_data"), timeJson(lastData)},
        {QStringLiteral("last_data_age_seconds"), ageJson(lastData, now)},
        {QStringLiteral("records_in"), count(node.recordsIn)},
        {QStringLiteral("records_out"), count(node.recordsOut)},
        {QStringLiteral("records_delivered"), qint64(node.delivered())},
        {QStringLiteral("records_dropped"), qint64(node.dropped())},
        {QStringLiteral("records_refused"), count(node.recordsRefused)},
        {QStringLiteral("records_queued"), count(node.recordsQueued)},
        {QStringLiteral("failures"), count(node.failures)},
    };
    if (node.description.kind == NodeKind::Source) {
        result.insert(QStringLiteral("unsettled"), count(node.unsettled));
        result.insert(QStringLiteral("finished"), node.finished.load(std::memory_order_acquire));
        result.insert(QStringLiteral("streams"), streamsJson(snapshot.streams, now));
        result.insert(QStringLiteral("positions"), positionsJson(snapshot.positions));
    } else {
        result.insert(QStringLiteral("inputs"), inputsJson(node.description.inputs));
    }
    if (node.description.kind == NodeKind::Sink) {
        const DeliveryState &delivery = snapshot.delivery;
        result.insert(QStringLiteral("breaker"), breakerJson(delivery));
        result.insert(QStringLiteral("waiting_until"), timeJson(delivery.nextTry));
        result.insert(QStringLiteral("dead_letters"), qint64(delivery.deadLetters));
    }
    return result;
}

static QJsonObject edgeJson(const EdgeStatus &edge)
{
    return {
        {QStringLiteral("pipeline"), edge.pipeline},
        {QStringLiteral("from"), edge.from},
        {QStringLiteral("to"), edge.to},
        {QStringLiteral("type"), edge.type.isEmpty() ? QJsonValue() : QJsonValue(edge.type)},
        {QStringLiteral("records_in"), count(edge.recordsIn)},
        {QStringLiteral("records_out"), count(edge.recordsOut)},
        {QStringLiteral("records_dropped"), qint64(edge.dropped())},
        {QStringLiteral("records_queued"), count(edge.recordsQueued)},
    };
}

static QStringList symbols(const QList<Source::Stream> &streams)
{
    QStringList result;
    for (const Source::Stream &stream : streams)
        result.append(QString::fromUtf8(stream.symbol));
    result.sort();
    result.removeDuplicates();
    return result;
}

QJsonObject statsJson(const HostStatus &host, Timestamp now)
{
    QJsonArray nodes;
    QList<Source::Stream> streams;
    for (const auto &node : host.nodes()) {
        nodes.append(nodeJson(*node, now));
        streams += node->snapshot().streams;
    }
    QJsonArray edges;
    for (const auto &edge : host.edges())
        edges.append(edgeJson(*edge));
    return {
        {QStringLiteral("timestamp"), timeJson(now)},
        {QStringLiteral("uptime_seconds"), ageJson(host.started, now)},
        {QStringLiteral("ready"), host.ready.load()},
        {QStringLiteral("stopping"), host.stopping.load()},
        {QStringLiteral("pairs_count"), symbols(streams).size()},
        {QStringLiteral("nodes"), nodes},
        {QStringLiteral("edges"), edges},
    };
}

QJsonObject pairsJson(const HostStatus &host, Timestamp now)
{
    QJsonArray sources;
    QList<Source::Stream> all;
    for (const auto &node : host.nodes()) {
        if (node->description.kind != NodeKind::Source)
            continue;
        const QList<Source::Stream> streams = node->snapshot().streams;
        all += streams;
        sources.append(QJsonObject{
            {QStringLiteral("pipeline"), node->pipeline},
            {QStringLiteral("node"), node->description.name},
            {QStringLiteral("pairs"), QJsonArray::fromStringList(symbols(streams))},
            {QStringLiteral("streams"), streamsJson(streams, now)},
        });
    }
    const QStringList pairs = symbols(all);
    return {
        {QStringLiteral("timestamp"), timeJson(now)},
        {QStringLiteral("count"), pairs.size()},
        {QStringLiteral("pairs"), QJsonArray::fromStringList(pairs)},
        {QStringLiteral("sources"), sources},
    };
}

} // namespace tidemill::host
