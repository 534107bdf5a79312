// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QStringList>

class QCommandLineParser;

namespace tidemill::app {

// `tidemill deadletter replay`; `words` is what follows. Gives the exit code.
int replayDeadLetters(const QCommandLineParser &parser, const QStringList &words);

} // namespace tidemill::app
