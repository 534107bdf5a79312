// SPDX-License-Identifier: Apache-2.0
#include "thread_end.h"

#include <QtGlobal>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

#ifdef Q_OS_UNIX
#include <pthread.h>
#endif

namespace tidemill::host {

struct ThreadEnd::State
{
    std::mutex lock;
    std::condition_variable changed;
    bool isRunning = false;

    void set(bool running)
    {
        {
            const std::scoped_lock guard(lock);
            isRunning = running;
        }
        changed.notify_all();
    }
};

ThreadEnd::ThreadEnd() : m_state(std::make_shared<State>()) {}
ThreadEnd::~ThreadEnd() = default;

#ifdef Q_OS_UNIX

namespace {

// What a thread leaves behind under our key.
struct Mark
{
    std::function<void()> ended;
    bool isSecondRound = false;
};

pthread_key_t key();

// Libraries have destructors like this one, called in no particular order. Those that set their value again
// are called once more after all the others.
void atEnd(void *value)
{
    auto *const mark = static_cast<Mark *>(value);
    if (!std::exchange(mark->isSecondRound, true) && pthread_setspecific(key(), mark) == 0)
        return;
    mark->ended();
    delete mark;
}

pthread_key_t key()
{
    static const pthread_key_t made = [] {
        pthread_key_t fresh{};
        return pthread_key_create(&fresh, &atEnd) == 0 ? fresh : pthread_key_t(-1);
    }();
    return made;
}

} // namespace

void ThreadEnd::watch()
{
    auto mark = std::make_unique<Mark>();
    mark->ended = [state = m_state] { state->set(false); };
    m_state->set(true);
    if (pthread_setspecific(key(), mark.get()) == 0)
        (void)mark.release();
    else
        m_state->set(false);
}

#else

void ThreadEnd::watch() {}

#endif

bool ThreadEnd::wait(QDeadlineTimer deadline)
{
    std::unique_lock lock(m_state->lock);
    const auto hasEnded = [this] { return !m_state->isRunning; };
    if (deadline.isForever()) {
        m_state->changed.wait(lock, hasEnded);
        return true;
    }
    return m_state->changed.wait_for(lock, deadline.remainingTimeAsDuration(), hasEnded);
}

} // namespace tidemill::host
