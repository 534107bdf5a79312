// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

#include <chrono>

using namespace tidemill;

// A consumer that cannot keep up: it works on each record, without a pause for anybody else in its thread.
class SlowSink final : public Sink
{
    Q_OBJECT

public:
    OptionList options() override { return {Option("work", m_work, "Microseconds for each record.")}; }

    void receive(const BatchPtr &batch) override
    {
        const auto until =
            std::chrono::steady_clock::now() + std::chrono::microseconds(m_work * batch->rowCount());
        while (std::chrono::steady_clock::now() < until) {
        }
        emit delivered(batch);
    }

private:
    qint64 m_work = 20;
};

TIDEMILL_PLUGIN(SlowSink, "slow_sink.json")

#include "slow_sink.moc"
