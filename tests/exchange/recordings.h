// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QString>

namespace tidemill::exchange::testing {

// A file among the shared recordings, which need not be there.
inline QString recording(const char *name)
{
#ifdef TIDEMILL_SHARED_DATA
    return QStringLiteral(TIDEMILL_SHARED_DATA "/") + QLatin1String(name);
#else
    return QStringLiteral(TIDEMILL_SOURCE_DIR "/../shared/data/") + QLatin1String(name);
#endif
}

} // namespace tidemill::exchange::testing
