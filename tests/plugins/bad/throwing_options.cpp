// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

#include <stdexcept>

using namespace tidemill;

class ThrowingOptions final : public Transform
{
    Q_OBJECT

public:
    OptionList options() override { throw std::runtime_error("options are out"); }

protected:
    void process(const BatchPtr &) override {}
};

TIDEMILL_PLUGIN(ThrowingOptions, "transform.json")

#include "throwing_options.moc"
