// SPDX-License-Identifier: Apache-2.0
#include "host.h"

#include <QLoggingCategory>

#include <algorithm>

Q_LOGGING_CATEGORY(lcHost, "tidemill.host")

namespace tidemill::host {

Host::Host(PluginRegistry &plugins, MetricsRegistry &metrics, HostStatus &status, const Settings &settings)
    : m_settings(settings)
    , m_status(status)
    , m_context{plugins, metrics, status, m_threads, settings.stateDirectory}
{
    const auto beat = [this] { m_status.lastBeatNs.store(Timestamp::now().ns, std::memory_order_relaxed); };
    beat();
    connect(&m_beat, &QTimer::timeout, this, beat);
    m_beat.start(std::chrono::seconds(1));
    connect(&m_drainTimer, &QTimer::timeout, this, &Host::checkDrained);
}

Host::~Host() = default;

Result<> Host::start(const QList<PipelineDescription> &pipelines)
{
    for (const PipelineDescription &description : pipelines) {
        auto pipeline = Pipeline::create(description, m_context);
        if (!pipeline)
            return pipeline.error();
        m_pipelines.push_back(*std::move(pipeline));
    }
    for (const auto &pipeline : m_pipelines) {
        if (const auto started = pipeline->start(); !started)
            return Error{started.error().kind,
                         pipeline->name() + QLatin1String(": ") + started.error().message};
        qCInfo(lcHost).noquote() << "pipeline" << pipeline->name() << "started";
    }
    m_status.ready.store(true);
    return {};
}

void Host::stop()
{
    if (m_status.stopping.exchange(true))
        return;
    m_status.ready.store(false);
    qCInfo(lcHost).noquote() << QStringLiteral("stopping: sources end, records under way have %1 s")
                                    .arg(double(m_settings.drainLimit.count()) / 1000);
    for (const auto &pipeline : m_pipelines)
        pipeline->stopSources();
    m_drainDeadline = QDeadlineTimer(m_settings.drainLimit);
    m_drainTimer.start(std::chrono::milliseconds(5));
    checkDrained();
}

void Host::checkDrained()
{
    if (!m_drainTimer.isActive())
        return;
    const bool settled = std::all_of(m_pipelines.begin(), m_pipelines.end(),
                                     [](const auto &pipeline) { return pipeline->isSettled(); });
    if (settled || m_drainDeadline.hasExpired()) {
        m_drainTimer.stop();
        finish();
    }
}

void Host::finish()
{
    quint64 abandoned = 0;
    for (const auto &pipeline : m_pipelines)
        abandoned += pipeline->abandon();
    for (const auto &pipeline : m_pipelines)
        pipeline->stopRest();
    m_pipelines.clear();
    const bool ended = m_threads.stop(std::chrono::seconds(5));
    if (abandoned > 0)
        qCCritical(lcHost).noquote() << abandoned << "records could not be delivered in time and are lost";
    qCInfo(lcHost) << "stopped";
    emit finished(abandoned == 0 && ended ? 0 : 1);
}

} // namespace tidemill::host
