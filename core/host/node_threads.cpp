// SPDX-License-Identifier: Apache-2.0
#include "node_threads.h"

#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QLoggingCategory>
#include <QSemaphore>

Q_LOGGING_CATEGORY(lcThreads, "tidemill.host.threads")

namespace tidemill::host {

bool runIn(QObject *context, std::chrono::milliseconds limit, std::function<void()> function)
{
    if (context->thread() == QThread::currentThread()) {
        function();
        return true;
    }
    // Shared, because the function may outlive our waiting for it.
    auto done = std::make_shared<QSemaphore>();
    QMetaObject::invokeMethod(
        context,
        [done, call = std::move(function)] {
            call();
            done->release();
        },
        Qt::QueuedConnection);
    return done->tryAcquire(1, int(limit.count()));
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
        thread = std::make_unique<QThread>();
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
