// SPDX-License-Identifier: Apache-2.0
#include <tidemill/node.h>
#include <tidemill/plugin.h>

#include <QDateTime>
#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcNode, "tidemill.sdk.node")

namespace tidemill {

PluginFactory::~PluginFactory() = default;

void StopThenDelete::operator()(Node *node) const
{
    node->stop();
    delete node;
}

void Node::setContext(const NodeContext &context)
{
    m_context = context;
}

Counter Node::counter(const char *name, const char *help, const Labels &labels) const
{
    return m_context.metrics ? m_context.metrics->counter(name, help, labels) : Counter();
}

Gauge Node::gauge(const char *name, const char *help, const Labels &labels) const
{
    return m_context.metrics ? m_context.metrics->gauge(name, help, labels) : Gauge();
}

Histogram Node::histogram(const char *name, const char *help, const Labels &labels) const
{
    return m_context.metrics ? m_context.metrics->histogram(name, help, labels) : Histogram();
}

void Node::reject(const char *reason, const QString &detail)
{
    auto counted = m_rejected.find(reason);
    if (counted == m_rejected.end())
        counted = m_rejected.insert(reason, counter("tidemill_rejected_total",
                                                    "Input that could not be used, by reason.",
                                                    {{"reason", reason}}));
    counted->add();

    // A broken peer may send thousands a second; the figures tell how many, the log only what they look like.
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    if (now - m_lastRejectLogMs < 1000) {
        ++m_unloggedRejects;
        return;
    }
    m_lastRejectLogMs = now;
    qCWarning(lcNode).noquote() << m_context.name << "rejected input:" << reason << "-" << detail.left(300)
                                << (m_unloggedRejects
                                        ? QStringLiteral("(and %1 more since the last such line)")
                                              .arg(std::exchange(m_unloggedRejects, 0))
                                        : QString());
}

void Node::drop(const char *reason, qsizetype records)
{
    auto counted = m_dropped.find(reason);
    if (counted == m_dropped.end())
        counted =
            m_dropped.insert(reason, counter("tidemill_dropped_total",
                                             "Records that did not go on, by reason.", {{"reason", reason}}));
    counted->add(quint64(records));
    if (m_context.dropped)
        m_context.dropped->fetch_add(quint64(records), std::memory_order_relaxed);
}

void Source::reached(const QByteArray &stream, const QByteArray &position)
{
    emit positionReached(stream, position);
}

QByteArray Source::savedPosition(const QByteArray &stream) const
{
    return context().positions.value(stream);
}

} // namespace tidemill
