// SPDX-License-Identifier: Apache-2.0
#include "at_load.h"

#include <unistd.h>

// A static initializer: it runs as soon as the library is loaded.
static const int atLoad = [] {
    _exit(0);
    return 0;
}();

class ExitingLoad final : public AtLoad
{
    Q_OBJECT
};

TIDEMILL_PLUGIN(ExitingLoad, "misbehaving.json")

#include "exiting_load.moc"
