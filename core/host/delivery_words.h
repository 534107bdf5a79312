// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QStringList>

namespace tidemill::host {

// What becomes of records that a sink can never store, or has not been able to store for too long.
enum class OnError {
    DeadLetter, // kept in a file for a person to look at and to offer again
    Drop,       // counted
};

// As pipeline files spell them, in the enum's order.
inline QStringList onErrorNames()
{
    return {QStringLiteral("dead_letter"), QStringLiteral("drop")};
}

inline QStringList jitterNames()
{
    return {QStringLiteral("full"), QStringLiteral("equal"), QStringLiteral("none")};
}

} // namespace tidemill::host
