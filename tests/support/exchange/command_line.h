// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "faults.h"
#include "settings.h"
#include "simulated_symbol.h"
#include "tape_player.h"

#include <optional>

namespace tidemill::exchange {

// What `tidemill-exchange` was told to do.
struct CommandLine
{
    Settings settings;
    QString tapeFile;
    TapeOptions tape;
    std::optional<GeneratorOptions> generator;
    QList<PlannedFault> faults;
    bool exitAtEnd = false;

    // Nothing when an option is wrong; `error` says which. --help prints and ends the program.
    static std::optional<CommandLine> parse(const QStringList &arguments, QString *error);
};

} // namespace tidemill::exchange
