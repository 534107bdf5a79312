// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

using namespace tidemill;

// Drops trades too small to matter; every other kind of record passes untouched.
class MinNotional final : public Transform
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {Option("min_notional", m_minNotional, "Smallest price x quantity that passes.").atLeast(0)};
    }

protected:
    void process(const BatchPtr &batch) override
    {
        if (!batch->is<Trade>())
            return emit emitted(batch);
        BatchBuilder<Trade> kept(batch); // continues the delivery of the batch it was made from
        for (const Trade &trade : batch->rows<Trade>()) {
            if (trade.price.toDouble() * trade.quantity.toDouble() >= m_minNotional)
                kept.append(trade);
        }
        drop("below_minimum", batch->rowCount() - kept.size());
        if (!kept.isEmpty())
            emit emitted(kept.finish());
    }

private:
    double m_minNotional = 0; // a threshold, not a stored value: double will do
};

TIDEMILL_PLUGIN(MinNotional, "min_notional.json")

#include "min_notional.moc"
