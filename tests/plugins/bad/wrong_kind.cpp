// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

using namespace tidemill;

// Well but for its metadata.
class WrongKind final : public Transform
{
    Q_OBJECT

protected:
    void process(const BatchPtr &batch) override { emit emitted(batch); }
};

TIDEMILL_PLUGIN(WrongKind, "wrong_kind.json")

#include "wrong_kind.moc"
