// SPDX-License-Identifier: Apache-2.0
#include "blaster.h"

#include "blaster_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tidemill::bench {

namespace {

int listenOnLoopback(quint16 &port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (fd < 0 || bind(fd, reinterpret_cast<sockaddr *>(&address), size) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size) != 0)
        return -1;
    port = ntohs(address.sin_port);
    return fd;
}

} // namespace

Result<std::unique_ptr<Blaster>> Blaster::start(const MarketFrames &frames, const BlasterPlan &plan)
{
    std::unique_ptr<Blaster> blaster(new Blaster);
    std::string pem;
    const TlsContext context = makeServerContext(pem);
    if (!context)
        return broken(QStringLiteral("OpenSSL made no certificate"));
    if (!blaster->m_caFile.open() || blaster->m_caFile.write(pem.data(), qint64(pem.size())) < 0 ||
        !blaster->m_caFile.flush())
        return broken(blaster->m_caFile.errorString());

    int control[2];
    const int listener = listenOnLoopback(blaster->m_port);
    const int restListener = listenOnLoopback(blaster->m_restPort);
    if (listener < 0 || restListener < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0)
        return broken(QStringLiteral("cannot listen on the loopback interface"));

    const pid_t parent = getpid();
    blaster->m_process = fork();
    if (blaster->m_process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(control[0]);
        if (getppid() == parent)
            BlasterServer(frames, plan, context.get(), listener, restListener, control[1]).run();
        _exit(0); // what this copy of the process holds is not its own to clean up
    }
    close(listener);
    close(restListener);
    close(control[1]);
    blaster->m_control = control[0];
    if (blaster->m_process < 0)
        return broken(QStringLiteral("cannot fork"));
    return blaster;
}

Blaster::~Blaster()
{
    if (m_process > 0) {
        kill(m_process, SIGKILL);
        waitpid(m_process, nullptr, 0);
    }
    if (m_control >= 0)
        close(m_control);
}

void Blaster::go()
{
    // If it is gone, nothing will come and the wait for that will say so.
    [[maybe_unused]] const ssize_t sent = send(m_control, "g", 1, MSG_NOSIGNAL);
}

bool Blaster::waitForSubscription(int milliseconds)
{
    pollfd waiting{m_control, POLLIN, 0};
    char byte = 0;
    return poll(&waiting, 1, milliseconds) == 1 && read(m_control, &byte, 1) == 1;
}

} // namespace tidemill::bench
