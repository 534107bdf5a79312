// SPDX-License-Identifier: Apache-2.0
#include "watchdog.h"

#include "status.h"

#include <QLoggingCategory>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

Q_LOGGING_CATEGORY(lcWatchdog, "tidemill.host.watchdog")

namespace tidemill::host {

namespace {

void raise(int descriptor) noexcept
{
    const quint64 one = 1;
    [[maybe_unused]] const auto written = ::write(descriptor, &one, sizeof one);
}

// True if one of the descriptor became readable within the time.
bool waitFor(pollfd *descriptors, nfds_t count, int timeoutMs)
{
    int ready = -1;
    do {
        ready = ::poll(descriptors, count, timeoutMs);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

} // namespace

Watchdog::Watchdog(std::chrono::milliseconds limit, std::function<QString()> culprit)
    : m_limit(limit)
    , m_culprit(std::move(culprit))
    , m_begun(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
    , m_ended(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (m_begun < 0 || m_ended < 0)
        qFatal("cannot make an eventfd for the watchdog");
    m_thread = std::thread([this] { wait(); });
}

Watchdog::~Watchdog()
{
    raise(m_ended);
    m_thread.join();
    ::close(m_begun);
    ::close(m_ended);
}

void Watchdog::begin() const noexcept
{
    raise(m_begun);
}

void Watchdog::wait()
{
    pollfd both[] = {{m_ended, POLLIN, 0}, {m_begun, POLLIN, 0}};
    waitFor(both, 2, -1);
    if (both[0].revents != 0 || waitFor(both, 1, int(m_limit.count())))
        return;
    // Whoever is stuck may hold the log's lock; then this ends the process without a word.
    ::alarm(2);
    qCCritical(lcWatchdog).noquote() << QStringLiteral("ending the process, which has not ended in %1 s: %2")
                                            .arg(double(m_limit.count()) / 1000)
                                            .arg(m_culprit());
    _exit(1);
}

QString describeStuck(const HostStatus &status)
{
    QStringList stuck;
    for (const auto &node : status.nodes()) {
        const NodeState state = node->snapshot().state;
        const char *call = state == NodeState::Created    ? "its constructor or from taking its options"
                           : state == NodeState::Started  ? "start()"
                           : state == NodeState::Stopping ? "stop()"
                                                          : nullptr;
        if (call)
            stuck.append(QStringLiteral("%1.%2 (%3) does not return from %4")
                             .arg(node->pipeline, node->description.name, node->description.type,
                                  QLatin1String(call)));
    }
    return stuck.isEmpty() ? QStringLiteral("a thread does not return to its event loop")
                           : stuck.join(QLatin1String("; "));
}

} // namespace tidemill::host
