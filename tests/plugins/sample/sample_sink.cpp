// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

using namespace tidemill;

class SampleSink final : public Sink
{
    Q_OBJECT

public:
    void receive(const BatchPtr &batch) override { emit delivered(batch); }
};

TIDEMILL_PLUGIN(SampleSink, "sample_sink.json")

#include "sample_sink.moc"
