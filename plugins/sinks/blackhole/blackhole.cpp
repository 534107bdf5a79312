// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

#include <QThread>

using namespace tidemill;

// Confirms everything and keeps nothing: for measuring what stands in front of a sink, and with a delay for
// seeing what a slow one does to it.
class BlackHole final : public Sink
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {
            Option("delay_us", m_delayUs, "Time spent on each record, in microseconds.")
                .atLeast(0)
                .atMost(1e6),
        };
    }

    Result<> start() override
    {
        m_records = counter("tidemill_blackhole_records_total", "Records that ended in a black hole.");
        return {};
    }

    void receive(const BatchPtr &batch) override
    {
        // Once for the batch: the shortest sleep that a system offers would make a short delay several times
        // as long.
        if (m_delayUs > 0)
            QThread::usleep(static_cast<unsigned long>(m_delayUs * batch->rowCount()));
        m_records.add(quint64(batch->rowCount()));
        emit delivered(batch);
    }

private:
    qint64 m_delayUs = 0;
    Counter m_records;
};

TIDEMILL_PLUGIN(BlackHole, "blackhole.json")

#include "blackhole.moc"
