// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "status.h"

#include <QJsonObject>

#include <optional>

namespace tidemill::host {

// What the process says about its health, as JSON. Pure functions of the status and the time; any thread.
//
// A node fails health when it is `failed`, when it does not come back from being created or from start(),
// when it has been `degraded` for longer than its stale_after, or when a stream of a source has had no data
// for longer than that; streams are judged once startup_grace has passed since the node was made. Until then
// a degraded node shows, as status DEGRADED, but does not fail. stale_after 0 never fails.
// A source with stale_when all_streams fails by the silence of all its streams only; being degraded does not
// count, as that may be one stream's.
// A node with a note (records that were lost for good) is DEGRADED until the process ends.

// An answer: 200 if ok, otherwise 503.
struct HealthAnswer
{
    bool ok = true;
    QJsonObject body;
};

// {"status": "OK"|"DEGRADED"|"FAIL", "timestamp", "checks": [one for each node; streams: only those without
// data]}
HealthAnswer health(const HostStatus &host, Timestamp now);
// Whether the main thread's event loop still turns.
HealthAnswer liveness(const HostStatus &host, Timestamp now);
// Whether all pipelines are up and none is being stopped.
HealthAnswer readiness(const HostStatus &host, Timestamp now);
// Everything there is to know, with figures; ok as in health().
HealthAnswer detailedHealth(const HostStatus &host, Timestamp now, const QString &version);

// One node, by "pipeline/node" or by the node's name if only one pipeline has it. Nothing if there is none.
std::optional<HealthAnswer> componentHealth(const HostStatus &host, const QString &id, Timestamp now);
// All ids, "pipeline/node".
QStringList componentIds(const HostStatus &host);

} // namespace tidemill::host
