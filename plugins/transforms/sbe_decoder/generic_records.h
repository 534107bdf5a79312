// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mapping.h"

namespace tidemill::sbe {

// For messages that nobody mapped: record types made from the schema. A message gives one of all that is in
// its root block, named "<prefix>_<message>", and one for each of its groups, with a record for each entry
// and what encloses it repeated, named "<prefix>_<message>_<group>". README.md has the rules for fields.
//
// The record types live as long as the process; asked again for the same, they are the same.
RecordMappings genericMappings(const Message &message, const QByteArray &prefix);

// "MDEntryPx" -> "md_entry_px"
QByteArray snakeCase(const QByteArray &name);

} // namespace tidemill::sbe
