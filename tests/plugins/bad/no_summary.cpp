// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

using namespace tidemill;

// Well but for its metadata.
class NoSummary final : public Transform
{
    Q_OBJECT

protected:
    void process(const BatchPtr &batch) override { emit emitted(batch); }
};

TIDEMILL_PLUGIN(NoSummary, "no_summary.json")

#include "no_summary.moc"
