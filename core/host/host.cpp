// SPDX-License-Identifier: Apache-2.0
#include "host.h"

#include "call_watch.h"
#include "pipeline_figures.h"
#include "watchdog.h"

#include <QLoggingCategory>

#include <algorithm>
#include <future>

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
    beat();
    connect(&m_beat, &QTimer::timeout, this, &Host::beat);
    m_beat.start(std::chrono::seconds(1));
    connect(&m_drainTimer, &QTimer::timeout, this, &Host::checkDrained);
}

Host::~Host() = default;

void Host::beat()
{
    m_status.lastBeatNs.store(Timestamp::now().ns, std::memory_order_relaxed);
    checkExhausted();
}

// Looked at once a second: a run that comes to its end need not do so at once, and no thread has to call
// another.
void Host::checkExhausted()
{
    if (m_isExhausted || !m_status.ready.load() ||
        !std::all_of(m_pipelines.begin(), m_pipelines.end(),
                     [](const auto &pipeline) { return pipeline->isFinished(); }))
        return;
    m_isExhausted = true;
    m_hasFailedSource = std::any_of(m_pipelines.begin(), m_pipelines.end(),
                                    [](const auto &pipeline) { return pipeline->hasFailedSource(); });
    qCInfo(lcHost) << "every source has finished";
    emit exhausted();
}

Result<> Host::start(const QList<PipelineDescription> &pipelines)
{
    m_context.apart = pipelines.size() > 1;
    std::vector<std::unique_ptr<Pipeline>> created = createAll(pipelines);
    const std::vector<Result<>> started = startAll(created);
    std::vector<std::unique_ptr<Pipeline>> broken;
    for (std::size_t i = 0; i < created.size(); ++i) {
        if (!started[i])
            noteFailed(created[i]->name(), started[i].error());
        (started[i] ? m_pipelines : broken).push_back(std::move(created[i]));
    }
    // Some of their nodes have started.
    for (const auto &pipeline : broken) {
        pipeline->stopSources();
        pipeline->abandon();
        pipeline->stopRest();
    }
    if (m_lastFailure && m_pipelines.empty())
        return *m_lastFailure;
    m_status.ready.store(true);
    return {};
}

std::vector<std::unique_ptr<Pipeline>> Host::createAll(const QList<PipelineDescription> &pipelines)
{
    std::vector<std::unique_ptr<Pipeline>> created;
    for (const PipelineDescription &description : pipelines) {
        auto pipeline = Pipeline::create(description, m_context);
        if (pipeline)
            created.push_back(*std::move(pipeline));
        else
            noteFailed(description.name, pipeline.error());
    }
    return created;
}

std::vector<Result<>> Host::startAll(const std::vector<std::unique_ptr<Pipeline>> &pipelines)
{
    const auto start = [](Pipeline *pipeline) {
        auto started = pipeline->start();
        if (started)
            qCInfo(lcHost).noquote() << "pipeline" << pipeline->name() << "started";
        return started;
    };
    std::vector<Result<>> results;
    if (!m_context.apart) {
        CallWatch watch(nodeCallLimit, [this] { return describeStuck(m_status); });
        m_context.watch = &watch;
        for (const auto &pipeline : pipelines)
            results.push_back(start(pipeline.get()));
        m_context.watch = nullptr;
        return results;
    }
    std::vector<std::future<Result<>>> starts;
    for (const auto &pipeline : pipelines)
        starts.push_back(std::async(std::launch::async, start, pipeline.get()));
    for (auto &pending : starts) {
        while (pending.wait_for(std::chrono::milliseconds(500)) != std::future_status::ready)
            beat(); // the loop does not turn meanwhile, and is well nevertheless
        results.push_back(pending.get());
    }
    return results;
}

void Host::noteFailed(const QString &pipeline, const Error &error)
{
    m_lastFailure = Error{error.kind, pipeline + QLatin1String(": ") + error.message};
    if (m_context.apart)
        qCCritical(lcHost).noquote() << "left out:" << m_lastFailure->message;
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
    logFigures(m_status);
    m_pipelines.clear();
    const bool ended = m_threads.stop(std::chrono::seconds(5));
    if (abandoned > 0)
        qCCritical(lcHost).noquote() << abandoned << "records could not be delivered in time and are lost";
    qCInfo(lcHost) << "stopped";
    emit finished(abandoned == 0 && ended && !m_lastFailure && !m_hasFailedSource ? 0 : 1);
}

} // namespace tidemill::host
