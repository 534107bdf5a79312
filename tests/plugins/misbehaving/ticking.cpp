// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

#include <QTimer>

using namespace tidemill;

class Ticking final : public Source
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {Option("after_stop", m_afterStop,
                       "Emit a trade of the id 999998 within stop(), which is fine, and one of the id 999999 "
                       "after it.")};
    }

    Result<> start() override
    {
        connect(&m_timer, &QTimer::timeout, this, [this] { tick(++m_id); });
        m_timer.start(10);
        return {};
    }

    void stop() override
    {
        m_timer.stop();
        if (!m_afterStop)
            return;
        tick(999998);
        QTimer::singleShot(0, this, [this] { tick(999999); });
    }

private:
    void tick(qint64 id)
    {
        BatchBuilder<Trade> trades;
        Trade trade;
        trade.exchange = Symbol("test");
        trade.symbol = Symbol("TICK");
        trade.ts_event = trade.ts_recv = Timestamp::now();
        trade.trade_id = id;
        trades.append(trade);
        emit emitted(trades.finish());
    }

    bool m_afterStop = false;
    qint64 m_id = 0;
    QTimer m_timer{this};
};

TIDEMILL_PLUGIN(Ticking, "ticking.json")

#include "ticking.moc"
