// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

using namespace tidemill;

void defined_nowhere();

// Linked with a library that is not there at run time.
class MissingSymbol final : public Transform
{
    Q_OBJECT

protected:
    void process(const BatchPtr &) override { defined_nowhere(); }
};

TIDEMILL_PLUGIN(MissingSymbol, "transform.json")

#include "missing_symbol.moc"
