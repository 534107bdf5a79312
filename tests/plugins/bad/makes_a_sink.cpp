// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

using namespace tidemill;

// A transform by its metadata only.
class MakesASink final : public Sink
{
    Q_OBJECT

public:
    void receive(const BatchPtr &batch) override { emit delivered(batch); }
};

TIDEMILL_PLUGIN(MakesASink, "transform.json")

#include "makes_a_sink.moc"
