// SPDX-License-Identifier: Apache-2.0
#include "shutdown_signals.h"

#include "host/watchdog.h"

#include <QSocketNotifier>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

namespace tidemill::app {

namespace {

// A pipe, because a signal handler may do next to nothing but write().
int wakePipe[2] = {-1, -1};
volatile std::sig_atomic_t seen = 0;
std::atomic<const host::Watchdog *> watchdog{nullptr};

void handle(int signal)
{
    if (seen) {
        constexpr char text[] = "second signal: ending at once\n";
        [[maybe_unused]] const auto written = write(STDERR_FILENO, text, sizeof text - 1);
        _exit(128 + signal);
    }
    seen = 1;
    if (const host::Watchdog *told = watchdog.load())
        told->begin();
    const char byte = 0;
    [[maybe_unused]] const auto written = write(wakePipe[1], &byte, 1);
}

} // namespace

ShutdownSignals::ShutdownSignals(QObject *parent) : QObject(parent)
{
    // A peer that is gone shows as an error of write(), not as the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN); // the same for a file that has reached a limit on its size
    if (pipe2(wakePipe, O_CLOEXEC | O_NONBLOCK) != 0)
        qFatal("cannot make a pipe for signals");
    m_notifier = new QSocketNotifier(wakePipe[0], QSocketNotifier::Read, this);
    connect(m_notifier, &QSocketNotifier::activated, this, [this] {
        m_notifier->setEnabled(false);
        emit received();
    });
    struct sigaction action = {};
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

ShutdownSignals::~ShutdownSignals() = default;

void ShutdownSignals::setWatchdog(const host::Watchdog *told)
{
    watchdog.store(told);
}

} // namespace tidemill::app
