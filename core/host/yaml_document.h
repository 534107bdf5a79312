// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline_description.h"

#include <QByteArray>

namespace tidemill::host {

struct YamlDocument
{
    Value root; // everything with its place
    // All of the text is in `root`, so what else is wrong with it can be said too. Repeated keys alone do not
    // prevent that: the first of them counts.
    bool isComplete = false;
    QList<Diagnostic> problems; // without a file name
};

constexpr qsizetype maxYamlBytes = 1 << 20;

// YAML, strictly: one document of maps with unique keys, lists and scalars that end with their line (or are |
// and > blocks). Bounded in size, depth and number of values, whatever the text. Nothing is replaced in it.
YamlDocument readYaml(const QByteArray &text);

} // namespace tidemill::host
