// SPDX-License-Identifier: Apache-2.0
#include "sink_runner.h"

#include "kept_delivery.h"

#include <QCoreApplication>
#include <QLoggingCategory>

#include <algorithm>
#include <utility>

Q_LOGGING_CATEGORY(lcSinkRunner, "tidemill.host.delivery")

namespace tidemill::host {

using std::chrono::milliseconds;

namespace {

constexpr std::chrono::seconds lettersInterval{5}; // between looks at what others do with dead letters
constexpr std::chrono::hours longestDelay{24};     // whatever a peer says

} // namespace

SinkRunner::SinkRunner(NodePtr<> node, std::shared_ptr<NodeStatus> status, Metrics &registry)
    : NodeRunner(std::move(node), std::move(status), registry)
    , m_sink(static_cast<Sink *>(&this->node()))
    , m_gate({.rows = quint64(this->status().description.settings.batchRows),
              .bytes = quint64(this->status().description.settings.batchBytes.bytes),
              .linger = this->status().description.settings.batchLinger})
    , m_breaker({.failures = this->status().description.settings.breakerFailures,
                 .pause = this->status().description.settings.breakerPause})
    , m_backoff({.initial = this->status().description.settings.retryInitial,
                 .max = this->status().description.settings.retryMax,
                 .jitter = this->status().description.settings.retryJitter})
    , m_refusals(this->status(), this->node().context().stateDirectory)
    , m_delivered(metrics().counter("tidemill_records_total", "Records that went in and out of nodes.",
                                    {{"direction", "out"}}))
    , m_retries(metrics().counter("tidemill_delivery_retries_total",
                                  "How often a sink's unconfirmed records were offered again."))
    , m_openings(metrics().counter("tidemill_breaker_openings_total",
                                   "How often a sink's circuit breaker has opened."))
    , m_breakerState(metrics().gauge("tidemill_breaker_state",
                                     "A sink's circuit breaker: 0 closed, 1 half open, 2 open."))
    , m_letters(metrics().gauge("tidemill_dead_letters", "Dead letters of a sink that wait for somebody."))
{
    connect(m_sink, &Sink::delivered, this, &SinkRunner::confirm);
    connect(m_sink, &Sink::partlyDelivered, this, &SinkRunner::confirmPart);
    connect(m_sink, &Sink::rejected, this, &SinkRunner::refuse);
    connect(m_sink, &Node::failed, this, &SinkRunner::retryLater);
    connect(m_sink, &Sink::delayed, this, &SinkRunner::retryWhenTold);
    for (QTimer *timer : {&m_retryTimer, &m_lingerTimer}) {
        timer->setSingleShot(true);
        timer->setTimerType(Qt::PreciseTimer);
    }
    connect(&m_retryTimer, &QTimer::timeout, this, &SinkRunner::retry);
    connect(&m_lingerTimer, &QTimer::timeout, this, &SinkRunner::drain);
    connect(&m_lettersTimer, &QTimer::timeout, this, &SinkRunner::showDelivery);
    if (m_refusals.hasStore())
        m_lettersTimer.start(lettersInterval);
    showDelivery();
}

void SinkRunner::handle(const BatchPtr &)
{
    Q_UNREACHABLE(); // every edge into a sink is a queue
}

void SinkRunner::wake()
{
    QCoreApplication::postEvent(this, new QEvent(QueuedEdge::wakeEvent()));
}

void SinkRunner::drain()
{
    if (!m_nextTry.isNull() || m_named || isStopped() || !mayBegin())
        return;
    const auto begun = BatchGate::Clock::now();
    const Offered offered = offerGroup();
    m_gate.noteGroup(begun);
    if (offered == Offered::Some && m_nextTry.isNull())
        wake();
}

void SinkRunner::hurry()
{
    m_gate.open();
    drain();
}

// Whether there may be a group now. If it is only time that is missing, a timer comes back.
bool SinkRunner::mayBegin()
{
    if (m_breaker.state() == BreakerState::HalfOpen && m_held.hasInHand())
        return false; // its answer decides
    if (m_held.hasToOffer() || !m_gate.lingers())
        return true;
    quint64 rows = 0;
    quint64 bytes = 0;
    for (QueuedEdge *queue : queues()) {
        rows += queue->waitingRows();
        bytes += queue->waitingBytes();
    }
    const auto left = m_gate.timeLeft(rows, bytes);
    if (left)
        m_lingerTimer.start(*left);
    else
        m_lingerTimer.stop();
    return !left;
}

// The next batch to the sink: first what is left over, then what is new. Null when there is none, or when so
// much is unconfirmed that the queue in front should fill up instead.
BatchPtr SinkRunner::offerNext()
{
    if (!m_held.hasToOffer()) {
        const NodeSettings &settings = status().description.settings;
        m_windowFull = m_held.rows() >= quint64(settings.queueRows) ||
                       m_held.bytes() >= quint64(settings.queueBytes.bytes);
        if (m_windowFull)
            return {};
        BatchPtr batch = takeNext();
        if (!batch)
            return {};
        m_held.add(std::move(batch));
    }
    // A copy, and in hand before: the sink may answer within the call.
    BatchPtr batch = m_held.offer();
    m_sink->receive(batch);
    return batch;
}

SinkRunner::Offered SinkRunner::offerGroup()
{
    const NodeSettings &settings = status().description.settings;
    const bool isProbe = m_breaker.state() == BreakerState::HalfOpen;
    m_interrupted = false;
    qint64 rows = 0;
    qint64 bytes = 0;
    try {
        while (rows < settings.batchRows && bytes < settings.batchBytes.bytes && m_nextTry.isNull() &&
               !m_named) {
            const BatchPtr offered = offerNext();
            if (!offered)
                break;
            rows += qint64(offered->rowCount());
            bytes += qint64(offered->byteSize());
            if (isProbe)
                break;
        }
        if (rows > 0 && !m_interrupted)
            m_sink->flush();
    } catch (const std::exception &exception) {
        retryLater(
            {Error::Kind::Internal, QStringLiteral("threw: %1").arg(QString::fromUtf8(exception.what()))});
    } catch (...) {
        retryLater({Error::Kind::Internal, QStringLiteral("threw something that is no std::exception")});
    }
    if (m_interrupted)
        return Offered::Interrupted;
    return rows > 0 ? Offered::Some : Offered::Nothing;
}

void SinkRunner::retryLater(const Error &error)
{
    m_interrupted = true;
    const HeldBatches::Clock::time_point now = HeldBatches::Clock::now();
    const bool hadSome = m_held.takeBack(now);
    if (std::exchange(m_named, std::nullopt))
        m_held.judgeNamed(now);
    if (!m_nextTry.isNull() && !hadSome)
        return; // said twice for one failure
    if (m_breaker.noteFailure())
        m_openings.add();
    waitAfterFailure(error);
}

void SinkRunner::waitAfterFailure(const Error &error)
{
    noteFailed();
    giveUp(error);
    wait(m_breaker.state() == BreakerState::Open ? m_breaker.pause() : m_backoff.next(), error);
    qCWarning(lcSinkRunner).noquote()
        << QStringLiteral("%1: %2; %3 records kept, trying again in %4 ms%5")
               .arg(status().description.name, error.message)
               .arg(m_held.rows())
               .arg(m_retryTimer.remainingTime())
               .arg(m_breaker.state() == BreakerState::Open ? QStringLiteral(" (breaker open)") : QString());
}

// The peer knows when it wants more, so this is no failure, neither of rows that were named just before.
void SinkRunner::retryWhenTold(const Error &cause, milliseconds delay)
{
    m_interrupted = true;
    (void)m_held.takeBack({});
    if (std::exchange(m_named, std::nullopt))
        m_held.judgeNamed({});
    const bool isNews = status().state() != NodeState::Degraded;
    const milliseconds bounded = std::clamp(delay, milliseconds(1), milliseconds(longestDelay));
    const milliseconds known = m_nextTry.isNull() ? milliseconds(0) : m_retryTimer.remainingTimeAsDuration();
    m_held.holdClocks(std::max(bounded - known, milliseconds(0)));
    wait(bounded, cause);
    if (isNews)
        qCInfo(lcSinkRunner).noquote() << QStringLiteral("%1: %2; asked to wait %3 ms")
                                              .arg(status().description.name, cause.message)
                                              .arg(delay.count());
}

void SinkRunner::wait(milliseconds delay, const Error &cause)
{
    const bool isLater = m_nextTry.isNull() || m_retryTimer.remainingTimeAsDuration() < delay;
    if (isLater) {
        m_nextTry = Timestamp::now() + delay;
        m_retryTimer.start(delay);
    }
    status().setState(NodeState::Degraded, cause.message);
    showDelivery();
}

void SinkRunner::retry()
{
    m_nextTry = {};
    m_breaker.endPause();
    m_retries.add();
    if (!m_held.hasToOffer() && !m_held.hasInHand())
        showRecovered(); // what had been in trouble was given up
    showDelivery();
    drain();
}

void SinkRunner::showDelivery()
{
    const quint64 letters = m_refusals.lettersWaiting();
    status().setDelivery({m_breaker.state(), m_breaker.failures(), m_breaker.since(), m_nextTry, letters});
    m_breakerState.set(double(m_breaker.state()));
    m_letters.set(double(letters));
}

void SinkRunner::abandon()
{
    m_retryTimer.stop();
    m_lingerTimer.stop();
    m_named.reset();
    for (const HeldBatches::Entry &entry : m_held.takeAll()) {
        // What is kept on disk stays there, queued, for the next run.
        if (dynamic_cast<const KeptDelivery *>(entry.batch->delivery().get()))
            continue;
        countUnqueued(entry.batch);
        countDropped(entry.batch, "shutdown");
        if (entry.batch->delivery())
            entry.batch->delivery()->abandon();
    }
    NodeRunner::abandon();
}

} // namespace tidemill::host
