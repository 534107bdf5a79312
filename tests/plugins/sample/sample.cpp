// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

using namespace tidemill;

// Passes what it gets; has an option of each kind that the host's checks treat differently.
class Sample final : public Transform
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {
            Option("low", m_low, "Lower end.").atLeast(0),
            Option("high", m_high, "Upper end.").required().atMost(100).example("10"),
            Option("mode", m_mode, "How.", {"fast", "exact"}),
            Option("token", m_token, "A password.").secret(),
            Option("tables", m_tables, "Anything."),
        };
    }

    OptionErrors validate() override
    {
        OptionErrors errors;
        if (m_low >= m_high)
            errors.append({"low", "must be less than high", {}, {}});
        if (const Value *strange = m_tables.find("strange"); strange && strange->find("deep"))
            errors.append({"tables.strange.deep", "is too deep for '" + m_token + "'", {}, {}});
        return errors;
    }

protected:
    void process(const BatchPtr &batch) override { emit emitted(batch); }

private:
    enum class Mode { Fast, Exact };

    qint64 m_low = 1;
    qint64 m_high = 0;
    Mode m_mode = Mode::Fast;
    QString m_token;
    Value m_tables;
};

TIDEMILL_PLUGIN(Sample, "sample.json")

#include "sample.moc"
