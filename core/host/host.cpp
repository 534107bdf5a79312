// SPDX-License-Identifier: Apache-2.0
#include "host.h"

#include <QLoggingCategory>

#include <algorithm>

Q_LOGGING_CATEGORY(lcHost, "tidemill.host")

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace tidemill::host {

namespace {

// glibc gives freed memory back to the kernel and takes it again with every burst of batches, which is a
// third of what a frame costs. Kept instead, it is 16 MiB at the most.
void keepFreedMemory()
{
#ifdef __GLIBC__
    static const bool done = [] {
        mallopt(M_TRIM_THRESHOLD, 16 << 20);
        mallopt(M_MMAP_THRESHOLD, 4 << 20);
        return true;
    }();
    Q_UNUSED(done)
#endif
}

} // namespace

Host::Host(PluginRegistry &plugins, MetricsRegistry &metrics, HostStatus &status, const Settings &settings)
    : m_settings(settings)
    , m_status(status)
    , m_context{plugins, metrics, status, m_threads, settings.stateDirectory}
{
    keepFreedMemory();
    const auto beat = [this] { m_status.lastBeatNs.store(Timestamp::now().ns, std::memory_order_relaxed); };
    beat();
    connect(&m_beat, &QTimer::timeout, this, beat);
    m_beat.start(std::chrono::seconds(1));
    connect(&m_drainTimer, &QTimer::timeout, this, &Host::checkDrained);
}

Host::~Host() = default;

Result<> Host::start(const QList<PipelineDescription> &pipelines)
{
    std::optional<Error> last;
    const auto failed = [&](const QString &name, const Error &error) {
        last = Error{error.kind, name + QLatin1String(": ") + error.message};
        m_isIncomplete = true;
        if (pipelines.size() > 1)
            qCCritical(lcHost).noquote() << "left out:" << last->message;
    };
    std::vector<std::unique_ptr<Pipeline>> created;
    for (const PipelineDescription &description : pipelines) {
        auto pipeline = Pipeline::create(description, m_context);
        if (pipeline)
            created.push_back(*std::move(pipeline));
        else
            failed(description.name, pipeline.error());
    }
    std::vector<std::unique_ptr<Pipeline>> broken;
    for (auto &pipeline : created) {
        if (const auto started = pipeline->start(); !started) {
            failed(pipeline->name(), started.error());
            broken.push_back(std::move(pipeline));
            continue;
        }
        qCInfo(lcHost).noquote() << "pipeline" << pipeline->name() << "started";
        m_pipelines.push_back(std::move(pipeline));
    }
    const bool anyRuns = !m_pipelines.empty();
    for (auto &pipeline : broken)
        leaveOut(std::move(pipeline));
    if (last && !anyRuns)
        return *last;
    m_status.ready.store(true);
    return {};
}

// Takes a pipeline down of which some nodes have started. One whose node is still within start() is kept as
// it is: waiting for that node would hold up the pipelines that run.
void Host::leaveOut(std::unique_ptr<Pipeline> pipeline)
{
    if (pipeline->isStarting()) {
        m_stuck.push_back(std::move(pipeline));
        return;
    }
    pipeline->stopSources();
    pipeline->abandon();
    pipeline->stopRest();
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
    m_stuck.clear();
    const bool ended = m_threads.stop(std::chrono::seconds(5));
    if (abandoned > 0)
        qCCritical(lcHost).noquote() << abandoned << "records could not be delivered in time and are lost";
    qCInfo(lcHost) << "stopped";
    emit finished(abandoned == 0 && ended && !m_isIncomplete ? 0 : 1);
}

} // namespace tidemill::host
