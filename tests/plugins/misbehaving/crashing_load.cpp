// SPDX-License-Identifier: Apache-2.0
#include "at_load.h"

#include <cstdlib>

// A static initializer: it runs as soon as the library is loaded.
static const int atLoad = [] {
    std::abort();
    return 0;
}();

class CrashingLoad final : public AtLoad
{
    Q_OBJECT
};

TIDEMILL_PLUGIN(CrashingLoad, "misbehaving.json")

#include "crashing_load.moc"
