// SPDX-License-Identifier: Apache-2.0
#include "health.h"

#include "status_json.h"

#include <QJsonArray>

#include <algorithm>

namespace tidemill::host {

namespace {

enum class Verdict { Ok, Degraded, Fail };

struct NodeHealth
{
    Verdict verdict = Verdict::Ok;
    QString error;
    QList<Source::Stream> silentStreams;
};

} // namespace

// A beat comes every second or so; a loop that has not turned for so long hangs.
static constexpr std::chrono::seconds longestBeat{10};

static QString verdictName(Verdict verdict)
{
    switch (verdict) {
    case Verdict::Ok:
        return QStringLiteral("OK");
    case Verdict::Degraded:
        return QStringLiteral("DEGRADED");
    case Verdict::Fail:
        break;
    }
    return QStringLiteral("FAIL");
}

static bool isRunning(NodeState state)
{
    return state == NodeState::Started || state == NodeState::Running || state == NodeState::Degraded;
}

// A stream that never had data has been silent since its node was made.
static bool isSilent(const NodeStatus &node, const Source::Stream &stream, Timestamp now)
{
    const qint64 lastNs = stream.lastDataNs ? stream.lastDataNs->load(std::memory_order_relaxed) : 0;
    const Timestamp last{std::max(lastNs, node.created.ns)};
    return now - last > node.description.settings.staleAfter;
}

static QString silenceText(const QList<Source::Stream> &silent, qsizetype all,
                           std::chrono::milliseconds limit)
{
    const Source::Stream &first = silent.first();
    return QStringLiteral("no data for more than %1 s in %2 of %3 streams, first %4 %5")
        .arg(double(limit.count()) / 1'000)
        .arg(silent.size())
        .arg(all)
        .arg(QString::fromUtf8(first.symbol), QString::fromUtf8(first.stream));
}

// Such calls come back at once; one that lasts holds up its thread, and after twice this time it is given up.
static constexpr std::chrono::seconds longestCall = nodeCallLimit / 2;

// What a node has not come back from; empty if it is nothing.
static QString lastingCall(const NodeStatus::Snapshot &snapshot, Timestamp now)
{
    const char *call = snapshot.state == NodeState::Created   ? "creating it"
                       : snapshot.state == NodeState::Started ? "start()"
                                                              : nullptr;
    const double seconds = std::chrono::duration<double>(now - snapshot.since).count();
    if (!call || now - snapshot.since <= longestCall)
        return {};
    return QStringLiteral("%1 has not returned for %2 s").arg(QLatin1String(call)).arg(seconds, 0, 'f', 1);
}

static NodeHealth judge(const NodeStatus &node, const NodeStatus::Snapshot &snapshot, Timestamp now)
{
    const NodeSettings &settings = node.description.settings;
    const bool canGoStale = settings.staleAfter.count() > 0;
    NodeHealth result;
    result.error = snapshot.error;

    if (const QString lasting = lastingCall(snapshot, now); !lasting.isEmpty()) {
        result.verdict = Verdict::Fail;
        result.error = lasting;
    }
    // Such a source is judged by its data alone: what degrades it may be one stream of many.
    const bool byAllStreams = settings.staleWhen == StaleWhen::AllStreams && !snapshot.streams.isEmpty();
    if (snapshot.state == NodeState::Failed)
        result.verdict = Verdict::Fail;
    else if (snapshot.state == NodeState::Degraded)
        result.verdict = canGoStale && !byAllStreams && now - snapshot.since > settings.staleAfter
                             ? Verdict::Fail
                             : Verdict::Degraded;
    else if (snapshot.hasNote)
        result.verdict = Verdict::Degraded; // never worse: restarting the host would not undo it

    const bool graceIsOver = now - node.created > settings.startupGrace;
    if (isRunning(snapshot.state) && canGoStale && graceIsOver) {
        std::copy_if(snapshot.streams.cbegin(), snapshot.streams.cend(),
                     std::back_inserter(result.silentStreams),
                     [&](const Source::Stream &stream) { return isSilent(node, stream, now); });
    }
    if (byAllStreams && result.silentStreams.size() < snapshot.streams.size())
        result.silentStreams.clear();
    if (!result.silentStreams.isEmpty()) {
        result.verdict = Verdict::Fail;
        if (result.error.isEmpty())
            result.error = silenceText(result.silentStreams, snapshot.streams.size(), settings.staleAfter);
    }
    return result;
}

static QJsonObject checkJson(const NodeStatus &node, Timestamp now, Verdict &verdict)
{
    const NodeStatus::Snapshot snapshot = node.snapshot();
    const NodeHealth found = judge(node, snapshot, now);
    verdict = found.verdict;

    QJsonArray silent;
    for (const Source::Stream &stream : found.silentStreams) {
        QJsonObject entry = streamJson(stream, now);
        entry.insert(QStringLiteral("ok"), false);
        silent.append(entry);
    }
    QJsonObject check{
        {QStringLiteral("pipeline"), node.pipeline},
        {QStringLiteral("node"), node.description.name},
        {QStringLiteral("state"), QString::fromLatin1(nodeStateName(snapshot.state))},
        {QStringLiteral("ok"), found.verdict != Verdict::Fail},
        {QStringLiteral("error"), found.error.isEmpty() ? QJsonValue() : QJsonValue(found.error)},
    };
    if (node.description.kind == NodeKind::Source)
        check.insert(QStringLiteral("streams"), silent);
    return check;
}

static QJsonObject componentJson(const NodeStatus &node, Timestamp now, Verdict &verdict)
{
    QJsonObject component = nodeJson(node, now);
    const QJsonObject check = checkJson(node, now, verdict);
    for (const auto &key : {QStringLiteral("ok"), QStringLiteral("error")})
        component.insert(key, check.value(key));
    component.insert(QStringLiteral("status"), verdictName(verdict));
    return component;
}

static std::chrono::nanoseconds beatAge(const HostStatus &host, Timestamp now)
{
    const Timestamp last{std::max(host.lastBeatNs.load(std::memory_order_relaxed), host.started.ns)};
    return std::max(now - last, std::chrono::nanoseconds::zero());
}

static bool isLive(const HostStatus &host, Timestamp now)
{
    return beatAge(host, now) < longestBeat;
}

static QJsonObject answerJson(Verdict verdict, Timestamp now)
{
    return {
        {QStringLiteral("status"), verdictName(verdict)},
        {QStringLiteral("timestamp"), timeJson(now)},
    };
}

HealthAnswer health(const HostStatus &host, Timestamp now)
{
    Verdict worst = Verdict::Ok;
    QJsonArray checks;
    for (const auto &node : host.nodes()) {
        Verdict verdict = Verdict::Ok;
        checks.append(checkJson(*node, now, verdict));
        worst = std::max(worst, verdict);
    }
    const bool live = isLive(host, now);
    QJsonObject body = answerJson(live ? worst : Verdict::Fail, now);
    body.insert(QStringLiteral("checks"), checks);
    if (!live)
        body.insert(QStringLiteral("error"), liveness(host, now).body.value(QStringLiteral("error")));
    return {live && worst != Verdict::Fail, body};
}

HealthAnswer liveness(const HostStatus &host, Timestamp now)
{
    const double age = std::chrono::duration<double>(beatAge(host, now)).count();
    const bool live = isLive(host, now);
    QJsonObject body = answerJson(live ? Verdict::Ok : Verdict::Fail, now);
    body.insert(QStringLiteral("beat_age_seconds"), roundedSeconds(age));
    if (!live)
        body.insert(QStringLiteral("error"),
                    QStringLiteral("the main event loop has not turned for %1 s").arg(age, 0, 'f', 1));
    return {live, body};
}

HealthAnswer readiness(const HostStatus &host, Timestamp now)
{
    const bool stopping = host.stopping.load();
    const bool ready = host.ready.load() && !stopping;
    QJsonObject body = answerJson(ready ? Verdict::Ok : Verdict::Fail, now);
    if (!ready)
        body.insert(QStringLiteral("error"),
                    stopping ? QStringLiteral("stopping") : QStringLiteral("still starting"));
    return {ready, body};
}

HealthAnswer detailedHealth(const HostStatus &host, Timestamp now, const QString &version)
{
    HealthAnswer answer = health(host, now);
    QJsonObject components;
    for (const auto &node : host.nodes()) {
        Verdict verdict = Verdict::Ok;
        components.insert(componentId(*node), componentJson(*node, now, verdict));
    }
    answer.body.insert(QStringLiteral("service"), QStringLiteral("tidemill"));
    answer.body.insert(QStringLiteral("version"), version);
    answer.body.insert(QStringLiteral("started"), timeJson(host.started));
    answer.body.insert(QStringLiteral("uptime_seconds"), ageJson(host.started, now));
    answer.body.insert(QStringLiteral("live"), isLive(host, now));
    answer.body.insert(QStringLiteral("ready"), readiness(host, now).ok);
    answer.body.insert(QStringLiteral("stopping"), host.stopping.load());
    answer.body.insert(QStringLiteral("components"), components);
    return answer;
}

std::optional<HealthAnswer> componentHealth(const HostStatus &host, const QString &id, Timestamp now)
{
    std::shared_ptr<const NodeStatus> found;
    int named = 0;
    for (const auto &node : host.nodes()) {
        if (componentId(*node) == id) {
            found = node;
            named = 1;
            break;
        }
        if (node->description.name == id) {
            found = node;
            ++named;
        }
    }
    if (named != 1)
        return {};
    Verdict verdict = Verdict::Ok;
    QJsonObject body = componentJson(*found, now, verdict);
    body.insert(QStringLiteral("timestamp"), timeJson(now));
    return HealthAnswer{verdict != Verdict::Fail, body};
}

QStringList componentIds(const HostStatus &host)
{
    QStringList ids;
    for (const auto &node : host.nodes())
        ids.append(componentId(*node));
    return ids;
}

} // namespace tidemill::host
