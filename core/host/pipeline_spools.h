// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metrics_registry.h"
#include "pipeline_description.h"
#include "spool/spool.h"

namespace tidemill::host {

// The spool of one edge into a sink: STATE/PIPELINE/SINK/spool/INPUT, where INPUT is as the file has it
// ("btc", "btc.trade").
Result<std::shared_ptr<Spool>> openEdgeSpool(const QString &stateDirectory, const QString &pipeline,
                                             const NodeDescription &sink, const InputRef &input);

// Its size and damages, as metrics. Does not keep it alive.
void showSpool(MetricsRegistry &metrics, const Labels &labels, const std::shared_ptr<Spool> &spool);

// Says so when a sink's folder has unconfirmed records that no edge of it will ever read: an input was
// renamed, or its policy is another one now.
void warnOfLeftSpools(const QString &stateDirectory, const QString &pipeline, const NodeDescription &sink);

} // namespace tidemill::host
