// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

using namespace tidemill;

// Well but for its metadata.
class BadTypes final : public Transform
{
    Q_OBJECT

protected:
    void process(const BatchPtr &batch) override { emit emitted(batch); }
};

TIDEMILL_PLUGIN(BadTypes, "bad_types.json")

#include "bad_types.moc"
