// SPDX-License-Identifier: Apache-2.0
#include "node_threads.h"

#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QEvent>
#include <QLoggingCategory>

#include <condition_variable>

Q_LOGGING_CATEGORY(lcThreads, "tidemill.host.threads")

namespace tidemill::host {

namespace {

struct Completion
{
    std::mutex lock;
    std::condition_variable changed;
    bool done = false;
};

} // namespace

// Where the wake-ups go: an object that lives in the thread, as the QThread itself does not.
class NodeThread::Receiver final : public QObject
{
public:
    explicit Receiver(NodeThread &owner) : m_owner(owner) {}

    bool event(QEvent *event) override
    {
        if (event->type() != QEvent::User)
            return QObject::event(event);
        m_owner.runWaiting();
        return true;
    }

private:
    NodeThread &m_owner;
};

NodeThread::NodeThread() : m_receiver(std::make_unique<Receiver>(*this))
{
    m_receiver->moveToThread(this);
}

NodeThread::~NodeThread()
{
    (void)m_end.wait(QDeadlineTimer(std::chrono::seconds(5)));
}

void NodeThread::run()
{
    m_end.watch();
    QThread::run();
}

void NodeThread::post(std::function<void()> function)
{
    {
        const std::scoped_lock lock(m_lock);
        m_waiting.push_back(std::move(function));
    }
    QCoreApplication::postEvent(m_receiver.get(), new QEvent(QEvent::User));
}

void NodeThread::runWaiting()
{
    while (true) {
        std::function<void()> function;
        {
            const std::scoped_lock lock(m_lock);
            if (m_waiting.empty())
                return;
            function = std::move(m_waiting.front());
            m_waiting.pop_front();
        }
        function();
    }
}

bool runIn(QThread *thread, std::chrono::milliseconds limit, std::function<void()> function)
{
    if (thread == QThread::currentThread()) {
        function();
        return true;
    }
    auto *target = dynamic_cast<NodeThread *>(thread);
    if (!target) {
        qCCritical(lcThreads) << "a call into a thread that takes none";
        return false;
    }
    // Shared, because the function may outlive our waiting for it.
    auto completion = std::make_shared<Completion>();
    target->post([completion, call = std::move(function)] {
        call();
        {
            const std::scoped_lock lock(completion->lock);
            completion->done = true;
        }
        completion->changed.notify_one();
    });
    std::unique_lock lock(completion->lock);
    return completion->changed.wait_for(lock, limit, [&completion] { return completion->done; });
}

bool runIn(QObject *context, std::chrono::milliseconds limit, std::function<void()> function)
{
    return runIn(context->thread(), limit, std::move(function));
}

NodeThreads::~NodeThreads()
{
    stop(std::chrono::seconds(5));
}

QThread *NodeThreads::thread(const QString &name)
{
    if (name == QLatin1String("main"))
        return QCoreApplication::instance()->thread();
    auto &thread = m_threads[name];
    if (!thread) {
        thread = std::make_unique<NodeThread>();
        thread->setObjectName(name.left(15)); // what the kernel keeps of a thread's name
        thread->start();
    }
    return thread.get();
}

bool NodeThreads::stop(std::chrono::milliseconds limit)
{
    const QDeadlineTimer deadline(limit);
    bool all = true;
    for (const auto &[name, thread] : m_threads)
        thread->quit();
    for (auto &[name, thread] : m_threads) {
        if (!thread->wait(deadline)) {
            qCCritical(lcThreads).noquote() << "thread" << name << "does not end: a node in it never returns";
            (void)thread.release(); // deleting a running thread would end the process on the spot
            all = false;
        }
    }
    m_threads.clear();
    return all;
}

} // namespace tidemill::host
