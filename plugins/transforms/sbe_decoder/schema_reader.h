// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "schema_types.h"
#include "xml_tree.h"

namespace tidemill::sbe {

// Reads an SBE 1.0 schema (root `messageSchema`) and checks everything that decoding relies on. The error has
// all problems, one a line as "FILE:LINE: what was expected", in the order of the file, the first 20 of them.
Result<MessageSchema> readSchema(const QString &path);

// The same from memory; `load` is asked for what it includes.
Result<MessageSchema> readSchema(const QByteArray &document, const QString &file, const LoadFile &load);

} // namespace tidemill::sbe
