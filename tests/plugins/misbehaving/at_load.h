// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/plugin.h>

// A transform for plugins that misbehave before anybody asks anything of them.
class AtLoad : public tidemill::Transform
{
    Q_OBJECT

protected:
    void process(const tidemill::BatchPtr &batch) override { emit emitted(batch); }
};
