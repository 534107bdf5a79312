// SPDX-License-Identifier: Apache-2.0
#include "feed_line.h"

#include "feed_context.h"

#include <QPointer>

#include <algorithm>
#include <atomic>
#include <utility>

namespace tidemill::net {

using std::chrono::milliseconds;
using State = LineStreams::State;
using Suspicion = LineStreams::Suspicion;

FeedSession::~FeedSession() = default;

// The link of one connection. It outlives its session, but does nothing any more once the line has let go.
class FeedLine::Life final : public FeedLink
{
public:
    explicit Life(FeedLine *line) : m_line(line), m_number(++s_lastNumber) {}

    bool send(const QByteArray &text) override
    {
        if (!m_line || m_line->m_isLeaving || !m_line->m_recycleReason.isEmpty())
            return false;
        if (m_line->m_connection.send(text))
            return true;
        // A lost subscription must not go unnoticed.
        m_line->recycleSoon(QStringLiteral("too many messages wait to be sent"));
        return false;
    }

    void confirm(const QList<int> &streams) override
    {
        if (!m_line)
            return;
        const Clock::time_point now = m_line->m_readAt.value_or(Clock::now());
        for (const int stream : streams)
            m_line->m_hasChanged |= m_line->m_streams.confirm(stream, now);
        m_line->settleSoon();
    }

    void refuse(int stream, const Error &error) override
    {
        if (!m_line || !m_line->m_streams.refuse(stream))
            return;
        m_line->m_refusals.append({m_line->m_streams.find(stream)->stream, error});
        m_line->m_hasChanged = true;
        m_line->settleSoon();
    }

    void heard(int stream, Timestamp received) override
    {
        if (!m_line)
            return;
        // Not by `received`: the clock of records may be set.
        m_line->m_streams.heard(stream, m_line->m_readAt ? *m_line->m_readAt : Clock::now(), received);
        m_line->m_silence.streamHeard();
    }

    void heardPeer(Timestamp) override
    {
        if (m_line)
            m_line->m_silence.peerHeard(m_line->m_readAt.value_or(Clock::now()));
    }

    void recycle(const QString &reason) override
    {
        if (m_line)
            m_line->recycleSoon(reason);
    }

    void rotate(const QString &reason) override
    {
        if (!m_line)
            return;
        m_line->m_rotateReason = reason;
        m_line->settleSoon();
    }

    bool isLeader() const override { return m_line && m_line->m_isLeader; }
    qint64 number() const override { return m_number; }

    void setSession(std::unique_ptr<FeedSession> session) { m_session = std::move(session); }
    FeedSession *session() const { return m_session.get(); }
    void letGo() { m_line = nullptr; }

private:
    static inline std::atomic<qint64> s_lastNumber{0};

    FeedLine *m_line;
    const qint64 m_number;
    std::unique_ptr<FeedSession> m_session;
};

FeedLine::FeedLine(FeedContext &context, QObject *parent)
    : QObject(parent)
    , m_context(context)
    , m_number(++context.lines)
    , m_streams(context.plan.silenceFloor, context.plan.silenceCeiling)
    , m_silence({context.plan.silenceFloor, context.plan.silenceCeiling, context.plan.probeTimeout,
                 bool(context.prober)})
{
    m_delay.setSingleShot(true);
    connect(&m_connection, &FeedConnection::opened, this, &FeedLine::handleOpened);
    connect(&m_connection, &FeedConnection::lost, this, &FeedLine::handleLost);
    connect(&m_connection, &FeedConnection::finished, this, &FeedLine::handleFinished);
    connect(&m_connection, &FeedConnection::pongReceived, this, [this] { m_silence.pongReceived(); });
    connect(&m_connection, &FeedConnection::framesReceived, this, [this](const Frames &frames) {
        m_readAt = Clock::now();
        m_silence.peerHeard(*m_readAt);
        callSession([&frames](FeedSession &session) { session.receive(frames); });
        m_readAt.reset();
    });
}

FeedLine::~FeedLine()
{
    if (m_life)
        m_life->letGo();
}

void FeedLine::start(const QList<FeedStream> &streams, milliseconds delay)
{
    m_streams.add(streams);
    if (m_context.isPaused)
        m_connection.pause();
    connect(&m_delay, &QTimer::timeout, this, [this] {
        FeedSettings settings = m_context.plan.connection;
        settings.silenceLimit = settings.subscribeTimeout = milliseconds(0); // watch() knows better
        // It was checked; but a CA file may have gone since.
        if (const auto opened = m_connection.open(settings); !opened) {
            m_delay.start(settings.backoff.max);
            handleLost({opened.error().message, opened.error().kind, {}, 1, settings.backoff.max, 0, 0});
        }
    });
    m_delay.start(delay);
}

void FeedLine::handleOpened()
{
    m_openedAt = Clock::now();
    m_liveSince.reset();
    m_rotateAt.reset();
    if (const milliseconds lifetime = m_context.plan.lifetime; lifetime.count() > 0)
        m_rotateAt = m_openedAt + rotationAge(lifetime, m_context.random);
    m_silence.restart(m_openedAt);
    m_life = std::make_shared<Life>(this);
    m_life->setSession(m_context.factory(*m_life));
    const QList<FeedStream> streams = m_streams.ask(m_openedAt);
    m_hasChanged = true;
    callSession([&streams](FeedSession &session) { session.subscribe(streams); });
}

template<typename Call>
void FeedLine::callSession(Call call)
{
    const std::shared_ptr<Life> life = m_life;
    if (!life || !life->session())
        return;
    ++m_depth;
    call(*life->session());
    if (--m_depth == 0)
        settle();
}

void FeedLine::settleSoon()
{
    if (m_depth > 0 || std::exchange(m_isSettling, true))
        return;
    const auto later = [this] {
        m_isSettling = false;
        if (m_depth == 0)
            settle();
    };
    QMetaObject::invokeMethod(this, later, Qt::QueuedConnection);
}

void FeedLine::settle()
{
    if (!isConnected())
        return;
    if (!m_recycleReason.isEmpty()) {
        m_connection.recycle(std::exchange(m_recycleReason, {}));
        return;
    }
    if (!m_liveSince && m_streams.allAnswered()) {
        m_liveSince = Clock::now();
        m_hasChanged = true;
        m_connection.confirmSubscribed();
    }
    const QList<Refusal> refusals = std::exchange(m_refusals, {});
    const QString rotateReason = std::exchange(m_rotateReason, {});
    // First: who hears of the change looks whether all is well.
    for (const Refusal &refusal : refusals)
        emit refused(refusal.stream, refusal.error);
    if (std::exchange(m_hasChanged, false))
        emit changed();
    if (!rotateReason.isEmpty())
        emit rotationWanted(rotateReason);
}

void FeedLine::recycleSoon(const QString &reason)
{
    if (m_recycleReason.isEmpty())
        m_recycleReason = reason.isEmpty() ? QStringLiteral("started over by the source") : reason;
    settleSoon();
}

void FeedLine::giveUp(const QString &reason)
{
    ++m_context.counted.silences;
    recycleSoon(reason);
}

void FeedLine::handleLost(const LostInfo &info)
{
    // The session goes when the last call into it has returned.
    if (const std::shared_ptr<Life> life = std::exchange(m_life, nullptr))
        life->letGo();
    m_recycleReason.clear();
    m_rotateReason.clear();
    m_refusals.clear();
    m_hasChanged = m_isLeader = false;
    m_liveSince.reset();
    m_rotateAt.reset();
    m_streams.disconnected();
    emit lost(info);
}

void FeedLine::leave(milliseconds deadline)
{
    m_isLeaving = true;
    m_delay.stop();
    m_connection.close(deadline);
}

void FeedLine::handleFinished()
{
    if (const std::shared_ptr<Life> life = std::exchange(m_life, nullptr))
        life->letGo();
    emit finished();
}

void FeedLine::add(const QList<FeedStream> &streams)
{
    m_streams.add(streams);
    if (!isConnected())
        return; // all are asked for when it is
    const QList<FeedStream> asked = m_streams.ask(Clock::now());
    if (!asked.isEmpty())
        callSession([&asked](FeedSession &session) { session.subscribe(asked); });
}

void FeedLine::remove(const QList<int> &streams)
{
    const QList<FeedStream> asked = m_streams.remove(streams);
    m_hasChanged = true;
    if (isConnected() && !asked.isEmpty())
        callSession([&asked](FeedSession &session) { session.unsubscribe(asked); });
    else if (m_depth == 0)
        settle(); // the last one that was waited for may have gone
}

void FeedLine::pause()
{
    m_connection.pause();
}

void FeedLine::resume()
{
    const Clock::time_point now = Clock::now();
    m_streams.restart(now);
    m_silence.restart(now);
    m_connection.resume();
}

void FeedLine::watch(Clock::time_point now)
{
    if (!isConnected() || m_connection.isPaused())
        return;
    const milliseconds timeout = m_context.plan.connection.subscribeTimeout;
    if (m_connection.hasUnsent())
        m_streams.postpone(now);
    else if (timeout.count() > 0) {
        const QList<FeedStream> unanswered = m_streams.unansweredSince(now - timeout);
        if (!unanswered.isEmpty()) {
            recycleSoon(QStringLiteral("no acknowledgement of the subscription of %1 in %2 ms")
                            .arg(streamNames(unanswered))
                            .arg(timeout.count()));
            return;
        }
    }
    const SilenceWatch::Step step = m_silence.look(m_streams, now);
    if (!step.recycle.isEmpty()) {
        giveUp(step.recycle);
        return;
    }
    if (step.ping)
        m_connection.ping();
    const qint64 number = m_life->number();
    for (const int stream : step.ask) {
        m_context.prober(stream, [line = QPointer(this), number, stream](Feed::Verdict verdict) {
            if (line)
                line->judge(number, stream, verdict);
        });
    }
}

void FeedLine::judge(qint64 number, int stream, Feed::Verdict verdict)
{
    LineStreams::Entry *entry = m_streams.find(stream);
    const bool isAnswer =
        isConnected() && m_life->number() == number && entry && entry->suspicion == Suspicion::Probing;
    if (!isAnswer)
        return; // data came, or the connection went, or the answer took too long
    switch (verdict) {
    case Feed::Verdict::Quiet:
        entry->suspicion = Suspicion::None;
        entry->rhythm.relax();
        break;
    case Feed::Verdict::Missed:
        giveUp(QStringLiteral("nothing came of %1, although the exchange has more of it")
                   .arg(QString::fromUtf8(entry->stream.name)));
        break;
    case Feed::Verdict::Unknown:
        entry->suspicion = Suspicion::Quiet;
        break;
    }
}

void FeedLine::setLeader(bool isLeader)
{
    if (m_isLeader == isLeader)
        return;
    m_isLeader = isLeader;
    if (isLeader)
        callSession([](FeedSession &session) { session.lead(); });
}

bool FeedLine::carries(int stream) const
{
    const LineStreams::Entry *entry = m_streams.find(stream);
    return isConnected() && entry && entry->state == State::Confirmed;
}

bool FeedLine::hasCaughtUpWith(const FeedLine &old, Clock::time_point now) const
{
    if (!isLive())
        return false;
    const auto live = now - *m_liveSince;
    if (live >= m_context.plan.handoverTimeout)
        return true;
    const auto &entries = m_streams.entries();
    return std::all_of(entries.begin(), entries.end(), [&](const LineStreams::Entry &entry) {
        const LineStreams::Entry *there = old.m_streams.find(entry.stream.id);
        if (!there || there->state == State::Refused)
            return true;
        if (entry.state != State::Confirmed)
            return false;
        const bool isQuietThere = !there->heard || *there->heard < *m_liveSince;
        return entry.heard || (isQuietThere && live >= entry.rhythm.limit());
    });
}

QString FeedLine::name() const
{
    return QStringLiteral("connection %1 to %2").arg(m_number).arg(m_context.plan.connection.url.host());
}

Timestamp FeedLine::lastData() const
{
    Timestamp last;
    for (const LineStreams::Entry &entry : m_streams.entries())
        last = std::max(last, entry.lastData);
    return last;
}

QList<FeedStream> FeedLine::streams() const
{
    QList<FeedStream> all;
    for (const LineStreams::Entry &entry : m_streams.entries())
        all.append(entry.stream);
    return all;
}

QList<FeedStream> FeedLine::refusedStreams() const
{
    QList<FeedStream> refused;
    for (const LineStreams::Entry &entry : m_streams.entries()) {
        if (entry.state == State::Refused)
            refused.append(entry.stream);
    }
    return refused;
}

} // namespace tidemill::net
