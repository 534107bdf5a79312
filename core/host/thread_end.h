// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QDeadlineTimer>

#include <memory>

namespace tidemill::host {

// To QThread a thread has ended before the libraries used in it have tidied up behind it, as OpenSSL does. If
// the process ended meanwhile, they would do so beside the destructors of what they use.
class ThreadEnd
{
public:
    ThreadEnd();
    ~ThreadEnd();
    Q_DISABLE_COPY_MOVE(ThreadEnd)

    // In the thread itself, once.
    void watch();
    // In another one, when the thread is about to end: until nothing more runs in it. False if the time was
    // over first. True at once for a thread that is not watched.
    bool wait(QDeadlineTimer deadline);

private:
    struct State;
    std::shared_ptr<State> m_state;
};

} // namespace tidemill::host
