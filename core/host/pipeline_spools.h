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

// What is in it and what went wrong with it, as metrics. Does not keep it alive.
void showSpool(MetricsRegistry &metrics, const Labels &labels, const std::shared_ptr<Spool> &spool);

// Says so when there are unconfirmed records in the pipeline's folder that no edge of it will ever read: a
// sink was taken out, an input renamed, or the policy is another one now.
void warnOfStrandedSpools(const QString &stateDirectory, const PipelineDescription &pipeline);

} // namespace tidemill::host
