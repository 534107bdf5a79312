// SPDX-License-Identifier: Apache-2.0
#include "replay.h"

#include "utf8.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace tidemill::net {

namespace {

constexpr int eventsInOneGo = 64; // then the event loop has a turn
constexpr std::chrono::milliseconds tickInterval{250};
constexpr int mostTicks = 400; // for time in which nothing was recorded
constexpr std::chrono::milliseconds shortestWait{1};

} // namespace

class Replay::Line final : public FeedLink
{
public:
    explicit Line(qint64 number) : m_number(number) {}

    bool send(const QByteArray &) override { return true; }
    void confirm(const QList<int> &) override {}
    void refuse(int, const Error &) override {}
    void heard(int, Timestamp) override {}
    void heardPeer(Timestamp) override {}
    void recycle(const QString &) override {}
    void rotate(const QString &) override {}
    bool isLeader() const override { return leads; }
    qint64 number() const override { return m_number; }

    bool shares(const Line &other) const
    {
        return std::any_of(streams.begin(), streams.end(),
                           [&other](int stream) { return other.streams.contains(stream); });
    }

    QList<int> streams;
    bool leads = false;
    std::unique_ptr<FeedSession> session;

private:
    const qint64 m_number;
};

Replay::Replay(Handlers handlers, std::unique_ptr<ReplayInput> input, double speed, bool usesRecordedTime,
               QObject *parent)
    : QObject(parent)
    , m_handlers(std::move(handlers))
    , m_input(std::move(input))
    , m_usesRecordedTime(usesRecordedTime)
    , m_pace(speed)
{
    m_timer.setSingleShot(true);
    m_timer.setTimerType(Qt::PreciseTimer);
    connect(&m_timer, &QTimer::timeout, this, &Replay::play);
}

Replay::~Replay() = default;

void Replay::setStreams(const QList<FeedStream> &streams)
{
    m_wanted = streams;
    m_ids.clear();
    m_names.clear();
    for (const FeedStream &stream : streams) {
        m_ids.insert(stream.name, stream.id);
        m_names.insert(stream.id, stream.name);
    }
}

void Replay::start()
{
    m_timer.start(0);
}

void Replay::stop()
{
    m_isOver = true;
    m_timer.stop();
}

void Replay::setPaused(bool paused)
{
    m_isPaused = paused;
    m_timer.stop();
    m_pace.restart();
    if (!paused && !m_isOver)
        m_timer.start(0);
}

void Replay::play()
{
    for (int played = 0; played < eventsInOneGo; ++played) {
        if (m_isOver || m_isPaused)
            return;
        if (!m_hasEvent && !(m_hasEvent = m_input->next(m_event))) {
            m_isOver = true;
            m_handlers.ended();
            return;
        }
        const auto wait = m_pace.wait(m_event.time, ReplayPace::Clock::now());
        if (wait >= shortestWait) {
            m_timer.start(std::chrono::ceil<std::chrono::milliseconds>(wait));
            return;
        }
        m_hasEvent = false;
        passTime(m_event.time);
        handle(m_event);
    }
    // Whoever was called may have paused or ended it.
    if (!m_isOver && !m_isPaused)
        m_timer.start(0);
}

// Ticks come at recorded times too: they give up what is waited for.
void Replay::passTime(Timestamp time)
{
    if (!m_usesRecordedTime || time <= m_now)
        return;
    if (m_now.isNull())
        m_nextTick = time + tickInterval;
    for (int ticks = 0; m_nextTick <= time && ticks < mostTicks; ++ticks) {
        m_now = m_nextTick;
        m_nextTick = m_nextTick + tickInterval;
        m_handlers.tick();
    }
    if (m_nextTick <= time)
        m_nextTick = time + tickInterval;
    m_now = time;
}

void Replay::handle(const RecordedEvent &event)
{
    using Kind = RecordedEvent::Kind;
    const auto found = m_lines.find(event.connection);
    const bool isKnown = found != m_lines.end();
    if (event.isContinued && isKnown && found->second->session && event.kind == Kind::Opened)
        return;
    switch (event.kind) {
    case Kind::Began:
        beginAnew();
        break;
    case Kind::Opened:
        if (isKnown)
            lose(event.connection, !event.knowsStreams);
        open(event.connection, !event.knowsStreams);
        break;
    case Kind::Subscribed: {
        QList<int> streams = idsOf(event.names);
        Line &line = lineOf(event);
        if (event.isContinued) // those that it has been told of are no news
            streams.removeIf([&line](int stream) { return line.streams.contains(stream); });
        subscribe(line, streams);
        break;
    }
    case Kind::Unsubscribed: {
        Line &line = lineOf(event);
        QList<FeedStream> streams;
        for (const int id : idsOf(event.names)) {
            line.streams.removeOne(id);
            streams.append({id, m_names.value(id)});
        }
        if (!streams.isEmpty())
            line.session->unsubscribe(streams);
        break;
    }
    case Kind::Received:
        receive(event);
        break;
    case Kind::Leads: {
        Line &line = lineOf(event);
        makeLeader(line);
        if (!event.isContinued)
            line.session->lead();
        break;
    }
    case Kind::Lost:
        if (isKnown)
            lose(event.connection, !event.knowsStreams);
        break;
    case Kind::Interrupted:
    case Kind::Resumed:
        setCarried(idsOf(event.names), event.kind == Kind::Resumed);
        break;
    case Kind::Answered:
        m_handlers.answered(QUrl::fromEncoded(event.url.toByteArray()), event.body.toByteArray());
        break;
    case Kind::Missed:
        startOver(event.missed);
        break;
    }
}

void Replay::receive(const RecordedEvent &event)
{
    m_frames.clear();
    for (const Frame &frame : event.frames) {
        if (!frame.text || isValidUtf8(frame.payload))
            m_frames.push_back(frame);
        else
            m_handlers.rejected(frame);
    }
    const Timestamp received = m_usesRecordedTime ? event.time : Timestamp::now();
    if (!m_frames.empty())
        lineOf(event).session->receive(Frames(m_frames, received));
}

// The recording may begin when the connection is there, or have lost the moment when it was made: then it is
// taken to carry everything.
Replay::Line &Replay::lineOf(const RecordedEvent &event)
{
    const auto found = m_lines.find(event.connection);
    const bool isTold = event.kind == RecordedEvent::Kind::Subscribed;
    return found != m_lines.end() ? *found->second : open(event.connection, !isTold);
}

Replay::Line &Replay::open(qint64 number, bool carriesAll)
{
    Line &line = *(m_lines[number] = std::make_unique<Line>(number));
    line.session = m_handlers.makeSession(line);
    if (carriesAll) {
        line.leads = true;
        QList<int> all;
        for (const FeedStream &stream : std::as_const(m_wanted))
            all.append(stream.id);
        subscribe(line, all);
        setCarried(all, true);
    }
    return line;
}

void Replay::subscribe(Line &line, const QList<int> &streams)
{
    QList<FeedStream> asked;
    for (const int id : streams) {
        if (!line.streams.contains(id))
            line.streams.append(id);
        asked.append({id, m_names.value(id)});
    }
    if (!asked.isEmpty())
        line.session->subscribe(asked);
}

void Replay::lose(qint64 number, bool tellsStreams)
{
    const std::unique_ptr<Line> line = std::move(m_lines.extract(number).mapped());
    line->session.reset();
    if (!tellsStreams)
        return;
    QList<int> gone;
    for (const int stream : std::as_const(line->streams)) {
        const bool isElsewhere = std::any_of(m_lines.begin(), m_lines.end(), [stream](const auto &other) {
            return other.second->streams.contains(stream);
        });
        if (!isElsewhere)
            gone.append(stream);
    }
    setCarried(gone, false);
}

// Of the connections that carry the same streams there is one.
void Replay::makeLeader(Line &leader)
{
    for (const auto &[number, line] : m_lines)
        line->leads = line->leads && !line->shares(leader);
    leader.leads = true;
}

void Replay::setCarried(const QList<int> &streams, bool isCarried)
{
    QList<int> changed;
    for (const int stream : streams) {
        if (std::exchange(m_carried[stream], isCarried) != isCarried)
            changed.append(stream);
    }
    if (!changed.isEmpty())
        (isCarried ? m_handlers.resumed : m_handlers.interrupted)(changed);
}

// Another run of the collector: its connections are not those of the one before.
void Replay::beginAnew()
{
    m_lines.clear();
    QList<int> carried;
    for (const auto &[stream, isCarried] : m_carried) {
        if (isCarried)
            carried.append(stream);
    }
    setCarried(carried, false);
}

// What sessions have learnt may be wrong from here on; who carries what is still true.
void Replay::startOver(const QString &missed)
{
    m_handlers.missed(missed);
    QList<int> carried;
    for (const auto &[stream, isCarried] : m_carried) {
        if (isCarried)
            carried.append(stream);
    }
    setCarried(carried, false);
    for (const auto &[number, line] : m_lines) {
        line->session.reset();
        line->session = m_handlers.makeSession(*line);
        subscribe(*line, QList<int>(line->streams));
    }
    setCarried(carried, true);
    m_handlers.wentOn();
}

QList<int> Replay::idsOf(const QList<QByteArray> &names) const
{
    QList<int> ids;
    for (const QByteArray &name : names) {
        if (const auto id = m_ids.find(name); id != m_ids.end())
            ids.append(*id);
    }
    return ids;
}

} // namespace tidemill::net
