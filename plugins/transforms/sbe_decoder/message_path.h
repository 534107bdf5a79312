// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "schema_types.h"

#include <tidemill/result.h>

namespace tidemill::sbe {

// What a path like "trades.price" or "MDEntryPx.mantissa" leads to.
struct Target
{
    enum class Kind { Value, Data, Group };

    Kind kind = Kind::Value;
    std::size_t level = 0; // of the block: 0 is the root, 1 an entry of the group that makes rows ...
    TypePtr type{};        // of a value
    quint32 offset = 0;    // in the block
    int since = 0;
    bool isOptional = false; // it, or the composite that it is the first of, may be null
    const Field *field = nullptr;
    std::size_t index = 0; // of the data or group in its block
};

// The blocks from the root to the entries of the group at that path (empty: the root alone).
struct BlockPath
{
    std::vector<const Block *> blocks;
    std::vector<std::size_t> groups; // the index of each one's group in the block above, from the second
};

Result<BlockPath> findBlocks(const Message &message, const QByteArray &groupPath);

// `path` begins at the root. Of groups only those of `blocks` may be entered: others have many entries, or
// none.
Result<Target> findTarget(const Message &message, const BlockPath &blocks, const QByteArray &path);

} // namespace tidemill::sbe
