// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <tidemill/plugin.h>

#include <QCoreApplication>

using namespace tidemill;
using namespace tidemill::bench;

// A black hole that adds up what falls into it, so that each run of a benchmark proves that it did the work.
class BenchProbe final : public Sink
{
    Q_OBJECT

public:
    Result<> start() override
    {
        m_probe = static_cast<Probe *>(qApp->property(probeProperty).value<void *>());
        if (!m_probe)
            return Error{Error::Kind::Config, QStringLiteral("of use to tidemill-bench only")};
        return {};
    }

    void receive(const BatchPtr &batch) override
    {
        if (batch->is<Trade>())
            addTrades(batch->rows<Trade>());
        else if (batch->is<Wap>())
            addWaps(batch->rows<Wap>());
        else
            m_probe->otherRows += quint64(batch->rowCount());
        emit delivered(batch);
        if (m_probe->awaited != 0 && m_probe->rows() >= m_probe->awaited) {
            m_probe->awaited = 0;
            m_probe->reached();
        }
    }

private:
    void addTrades(std::span<const Trade> trades)
    {
        if (m_probe->latencies.capacity() > m_probe->latencies.size()) {
            const Timestamp now = Timestamp::now();
            for (const Trade &trade : trades)
                m_probe->latencies.push_back((now - trade.ts_event).count());
        }
        m_probe->trades.add(trades);
    }

    void addWaps(std::span<const Wap> waps)
    {
        m_probe->waps.rows += waps.size();
        for (const Wap &wap : waps) {
            m_probe->waps.ids += quint64(wap.update_id);
            m_probe->waps.prices =
                m_probe->waps.prices * 31 + quint64(wap.price.mantissa) * 7 + quint64(wap.price.exponent);
        }
    }

    Probe *m_probe = nullptr;
};

TIDEMILL_PLUGIN(BenchProbe, "bench_probe.json")

#include "bench_probe.moc"
