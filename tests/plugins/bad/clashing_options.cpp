// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

using namespace tidemill;

// Two options that no file could hold both of: `limit` would be a number and a map.
class ClashingOptions final : public Transform
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {Option("limit", m_limit, "So many."), Option("limit.rows", m_rows, "So many rows.")};
    }

protected:
    void process(const BatchPtr &) override {}

private:
    int m_limit = 1;
    int m_rows = 1;
};

TIDEMILL_PLUGIN(ClashingOptions, "transform.json")

#include "clashing_options.moc"
