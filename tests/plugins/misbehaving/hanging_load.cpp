// SPDX-License-Identifier: Apache-2.0
#include "at_load.h"

#include <QThread>

// A static initializer: it runs as soon as the library is loaded.
static const int atLoad = [] {
    QThread::sleep(3600);
    return 0;
}();

class HangingLoad final : public AtLoad
{
    Q_OBJECT
};

TIDEMILL_PLUGIN(HangingLoad, "misbehaving.json")

#include "hanging_load.moc"
