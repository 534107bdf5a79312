// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

using namespace tidemill;

class SampleSource final : public Source
{
    Q_OBJECT

public:
    OptionList options() override { return {Option("symbols", m_symbols, "What to collect.").notEmpty()}; }

    OptionErrors validate() override
    {
        if (m_symbols.contains(QString()))
            return {{"symbols", "a symbol is empty", {}, {}}};
        return {};
    }

private:
    QStringList m_symbols;
};

TIDEMILL_PLUGIN(SampleSource, "sample_source.json")

#include "sample_source.moc"
