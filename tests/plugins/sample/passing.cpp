// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

using namespace tidemill;

// Says nothing about record types, so it takes and makes any.
class Passing final : public Transform
{
    Q_OBJECT

protected:
    void process(const BatchPtr &batch) override { emit emitted(batch); }
};

TIDEMILL_PLUGIN(Passing, "passing.json")

#include "passing.moc"
