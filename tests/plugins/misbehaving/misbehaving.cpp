// SPDX-License-Identifier: Apache-2.0
#include <tidemill/plugin.h>

#include <QThread>

#include <atomic>
#include <stdexcept>

using namespace tidemill;

class Misbehaving final : public Transform
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {
            Option("how", m_how, "What it does wrong.")
                .oneOf({"nothing", "throws_in_validate", "throws_in_start", "throws_in_receive",
                        "throws_in_stop", "throws_a_number", "stuck_in_validate", "stuck_in_second_validate",
                        "stuck_in_start", "stuck_in_stop", "emits_undeclared"})};
    }

    OptionErrors validate() override
    {
        throwIf("throws_in_validate");
        stayIf("stuck_in_validate");
        // The first is that of the check before anything starts.
        static std::atomic<int> validations = 0;
        if (m_how == "stuck_in_second_validate" && ++validations > 1)
            stayIf("stuck_in_second_validate");
        return {};
    }

    Result<> start() override
    {
        throwIf("throws_in_start");
        stayIf("stuck_in_start");
        return {};
    }

    void stop() override
    {
        throwIf("throws_in_stop");
        stayIf("stuck_in_stop");
    }

protected:
    void process(const BatchPtr &batch) override
    {
        throwIf("throws_in_receive");
        if (m_how == "throws_a_number")
            throw 7;
        if (m_how == "emits_undeclared") {
            BatchBuilder<Gap> gaps(batch);
            gaps.append(Gap());
            emit emitted(gaps.finish());
            return;
        }
        emit emitted(batch);
    }

private:
    void throwIf(const char *how)
    {
        if (m_how == QLatin1String(how))
            throw std::runtime_error("out of order");
    }
    void stayIf(const char *how)
    {
        while (m_how == QLatin1String(how))
            QThread::sleep(3600);
    }

    QString m_how = QStringLiteral("nothing");
};

TIDEMILL_PLUGIN(Misbehaving, "misbehaving.json")

#include "misbehaving.moc"
