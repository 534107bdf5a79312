// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline_description.h"

#include <QByteArrayView>

namespace tidemill::host {

class TextLines;

// What is wrong with a YAML text before a parser sees it, each where it stands: a parser accepts some of it
// silently and reports the rest far behind the place where it began. The diagnostics have no file name yet.

// Bytes that are no text, control characters, lines without an end.
QList<Diagnostic> checkCharacters(QByteArrayView text, const TextLines &lines);

// Tabs and steps of indentation that fit nothing, quotes and brackets that are never closed, and the parts of
// YAML that pipeline files do without (anchors, aliases, tags, directives). For text whose characters are
// well.
QList<Diagnostic> checkLayout(QByteArrayView text, const TextLines &lines);

} // namespace tidemill::host
