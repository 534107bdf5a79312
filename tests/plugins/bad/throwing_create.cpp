// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

#include <stdexcept>

using namespace tidemill;

class ThrowingCreate final : public Transform
{
    Q_OBJECT

public:
    ThrowingCreate() { throw std::runtime_error("no licence found"); }

protected:
    void process(const BatchPtr &) override {}
};

TIDEMILL_PLUGIN(ThrowingCreate, "transform.json")

#include "throwing_create.moc"
