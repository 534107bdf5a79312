// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "frame_printer.h"

#include <memory>

namespace tidemill::exchange {

// Every "trade" or "depth" payload of the first `steps` steps of a simulated market, a line each, as
// `printer` prints it. Nothing of it was kept: the market is run again, a chunk at a time, so the memory does
// not grow with the length of the run.
MarketData::Chunks marketTruth(const GeneratorOptions &options, qint64 steps,
                               std::unique_ptr<FramePrinter> printer, const QByteArray &kind,
                               const QByteArray &symbol);

} // namespace tidemill::exchange
