// SPDX-License-Identifier: Apache-2.0
#include "sink_settings.h"

namespace tidemill::host {

namespace {

const Value *findIn(const Value &node, const QString &group, const QString &key)
{
    const Value *map = node.find(group);
    return map && map->kind() == Value::Kind::Map ? map->find(key) : nullptr;
}

OptionError errorAt(const QString &path, const QString &message, const Value &value)
{
    return {path, message, {}, value.place()};
}

void checkRetry(const Value &node, const NodeSettings &settings, OptionErrors &errors)
{
    const Value *retry = node.find(QStringLiteral("retry"));
    if (settings.retryMax < settings.retryInitial)
        errors.append(errorAt(
            QStringLiteral("retry"),
            QStringLiteral("max (%1) must not be less than initial (%2)")
                .arg(detail::printOption(settings.retryMax), detail::printOption(settings.retryInitial)),
            retry ? *retry : node));
}

void settleGiveUp(const Value &node, NodeSettings &settings, OptionErrors &errors)
{
    settings.retryGiveUp.reset();
    const Value *giveUp = findIn(node, QStringLiteral("retry"), QStringLiteral("give_up"));
    if (!giveUp || settings.retryGiveUpText == QLatin1String("never"))
        return;
    std::chrono::milliseconds duration{};
    if (detail::assignOption(duration, *giveUp) && duration.count() > 0)
        settings.retryGiveUp = duration;
    else
        errors.append(errorAt(
            QStringLiteral("retry.give_up"),
            QStringLiteral("expected never or a duration such as 10m, got %1").arg(giveUp->description()),
            *giveUp));
}

// Two spellings of the same: a queue whose policy is to spool, and a buffer on disk.
void settleBuffer(const Value &node, NodeSettings &settings, OptionErrors &errors)
{
    const QString buffer = QStringLiteral("buffer");
    const QString queue = QStringLiteral("queue");
    const Value *type = findIn(node, buffer, QStringLiteral("type"));
    const Value *policy = findIn(node, queue, QStringLiteral("policy"));
    const bool spools = settings.queuePolicy == QueuePolicy::Spool;
    if (type && policy && spools != (settings.bufferType == BufferType::Disk)) {
        errors.append(errorAt(QStringLiteral("buffer.type"),
                              QStringLiteral("%1 does not go with queue.policy: %2; keep one of the two")
                                  .arg(type->text(), policy->text()),
                              *type));
        return;
    }
    if (spools || settings.bufferType == BufferType::Disk) {
        settings.bufferType = BufferType::Disk;
        settings.queuePolicy = QueuePolicy::Spool;
        return;
    }
    const Value *max = findIn(node, buffer, QStringLiteral("max"));
    const Value *bytes = findIn(node, queue, QStringLiteral("bytes"));
    if (max && bytes)
        errors.append(
            errorAt(QStringLiteral("buffer.max"),
                    QStringLiteral("in memory this is the same as queue.bytes: keep one of the two"), *max));
    else if (max)
        settings.queueBytes = settings.bufferMax;
    if (const Value *fsync = findIn(node, buffer, QStringLiteral("fsync")))
        errors.append(errorAt(QStringLiteral("buffer.fsync"),
                              QStringLiteral("is for a buffer on disk (buffer.type: disk)"), *fsync));
}

} // namespace

OptionList sinkSettingsOptions(NodeSettings &settings)
{
    return {
        Option("buffer.type", settings.bufferType,
               "Where what waits for the sink is kept; disk is another spelling of queue.policy: spool.",
               bufferTypeNames()),
        Option("buffer.max", settings.bufferMax,
               "Disk space of the buffer, for each input; then what feeds the sink is held. In memory: "
               "another spelling of queue.bytes.")
            .atLeast(1 << 20),
        Option("buffer.fsync", settings.bufferFsync,
               "When the data of a buffer on disk goes from the kernel to the disk.", spoolFsyncNames()),
        Option("batch.rows", settings.batchRows,
               "Records that make a group, which is stored together. Batches are not cut: the last one may "
               "exceed it.")
            .atLeast(1),
        Option("batch.bytes", settings.batchBytes,
               "Memory of the records that make a group; the last batch may exceed it.")
            .atLeast(1),
        Option("batch.linger", settings.batchLinger,
               "How long records may wait for more to be stored together with; 0ms: they never wait.")
            .atLeast(0)
            .atMost(86'400'000),
        Option("retry.initial", settings.retryInitial,
               "Longest delay before the first retry after a failure.")
            .atLeast(10),
        Option("retry.max", settings.retryMax, "Longest delay between retries.").atLeast(10),
        Option("retry.jitter", settings.retryJitter,
               "Where a delay lies: anywhere up to the longest, in its upper half, or at it.", jitterNames()),
        Option("retry.give_up", settings.retryGiveUpText,
               "After failing for so long without any delivery, records are treated as on_error says; never, "
               "or a duration."),
        Option("breaker.failures", settings.breakerFailures,
               "After so many failures in a row nothing is offered for the pause, then one batch; 0: never.")
            .atLeast(0),
        Option("breaker.pause", settings.breakerPause, "How long the breaker stays open.").atLeast(10),
        Option("on_error", settings.onError,
               "What becomes of records that can never be stored: kept as dead letters, or dropped.",
               onErrorNames()),
        Option("dead_letters.max", settings.deadLettersMax,
               "Disk space of the sink's dead letters; what finds no room there is dropped.")
            .atLeast(1 << 20),
    };
}

OptionErrors settleSinkSettings(const Value &node, NodeSettings &settings, bool areRight)
{
    OptionErrors errors;
    settleGiveUp(node, settings, errors);
    if (areRight) {
        checkRetry(node, settings, errors);
        settleBuffer(node, settings, errors);
    }
    return errors;
}

} // namespace tidemill::host
