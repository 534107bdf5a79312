// SPDX-License-Identifier: Apache-2.0
#include "stream_reader.h"

#include "pending_sweep.h"

#include <QLoggingCategory>

#include <algorithm>

Q_DECLARE_LOGGING_CATEGORY(lcRedisStream)

namespace tidemill::redis_stream {

namespace {

// Rounds over several slots when nothing is new: often enough for people, cheap enough for Redis.
constexpr std::chrono::milliseconds pollInterval{50};
constexpr int ownReadsAtOnce = 16;

} // namespace

StreamReader::StreamReader(redis::Reconnector &link, const ReadSettings &settings, Take take, LetGo letGo,
                           QObject *parent)
    : QObject(parent)
    , m_link(link)
    , m_client(link.client())
    , m_settings(settings)
    , m_take(std::move(take))
    , m_letGo(std::move(letGo))
{
    m_poll.setSingleShot(true);
    connect(&m_poll, &QTimer::timeout, this, &StreamReader::pump);
    connect(&m_link, &redis::Reconnector::askAgain, this, &StreamReader::pump);
}

void StreamReader::setStreams(const QList<QByteArray> &names)
{
    for (const QByteArray &name : names) {
        const auto [stream, isNew] = m_streams.try_emplace(name);
        // Of a stream that has appeared since, all is new.
        if (isNew)
            stream->second.begin = m_knowsStreams ? QByteArray("0") : m_settings.from;
        else if (stream->second.step == Step::Unusable)
            stream->second.step = Step::Unprepared;
    }
    std::erase_if(m_streams, [&](const auto &known) {
        return known.second.step == Step::Unusable && !names.contains(known.first);
    });
    m_knowsStreams = true;
    pump();
}

void StreamReader::setPaused(bool paused)
{
    m_isPaused = paused;
    pump();
}

// What the connection before was answered and we did not get is pending now.
void StreamReader::start()
{
    for (auto &[name, stream] : m_streams) {
        stream.cursor = ownBegin();
        stream.next.reset();
        if (stream.step == Step::New && !m_settings.group.isEmpty())
            stream.step = Step::Own;
    }
    pump();
}

QList<QByteArray> StreamReader::readable() const
{
    QList<QByteArray> names;
    for (const auto &[name, stream] : m_streams) {
        if (stream.step == Step::Own || stream.step == Step::New)
            names.append(name);
    }
    return names;
}

bool StreamReader::hasUnusable() const
{
    return std::any_of(m_streams.begin(), m_streams.end(),
                       [](const auto &known) { return known.second.step == Step::Unusable; });
}

void StreamReader::pump()
{
    const bool isWaiting = m_poll.isActive() || m_link.isWaitingToAsk();
    if (m_due > 0 || m_isPaused || m_isStopped || isWaiting || !m_client.isOpen())
        return;
    m_hasFound = false;
    m_due = 1; // ours, so that the round does not end while it is being made
    for (auto &[name, stream] : m_streams) {
        if (stream.step == Step::Unprepared)
            prepare(name, stream);
    }
    for (const auto &[name, stream] : m_streams) {
        if (stream.step == Step::Own && m_due <= ownReadsAtOnce)
            readOwn(name, stream);
    }
    if (m_due == 1)
        readNew();
    if (m_due == 1)
        m_due = 0; // nothing to ask; setStreams() goes on
    else
        finishOne();
}

void StreamReader::prepare(const QByteArray &name, Stream &stream)
{
    redis::Command command("XGROUP");
    if (!m_settings.group.isEmpty()) {
        command.add("CREATE").key(name).add(m_settings.group).add(stream.begin);
        if (m_settings.named.contains(name))
            command.add("MKSTREAM");
    } else if (const auto known = m_positions.find(name); known != m_positions.end()) {
        stream.last = known->second;
        stream.step = Step::New;
        return;
    } else if (stream.begin == "$") {
        // Once: an XREAD from $ is from the end at each call, and what comes between two would be missed.
        command = redis::Command("XREVRANGE").key(name).add("+").add("-").add("COUNT").add(qint64(1));
    } else {
        stream.last = EntryId::parse(stream.begin).value_or(EntryId());
        stream.step = Step::New;
        return;
    }
    ++m_due;
    m_client.send(command, [this, name](const redis::Reply &reply) {
        finishPreparing(name, reply);
        finishOne();
    });
}

void StreamReader::finishPreparing(const QByteArray &name, const redis::Reply &reply)
{
    Stream &stream = m_streams[name];
    if (reply.isLost())
        return;
    if (reply.isError() && reply.error() != redis::ErrorKind::BusyGroup) {
        stream.step = Step::Unusable; // until the streams are looked for the next time
        if (reply.error() == redis::ErrorKind::Err && !m_settings.named.contains(name))
            return; // it has gone since it was found
        const Error why = redis::describe(reply.text(), m_client.place());
        emit troubled({why.kind, QStringLiteral("stream %1: %2").arg(QString::fromUtf8(name), why.message)});
        return;
    }
    if (m_settings.group.isEmpty()) {
        stream.last = EntryId::parse(reply[0][0].text()).value_or(EntryId());
        stream.step = Step::New;
    } else {
        stream.cursor = ownBegin();
        stream.step = Step::Own;
    }
}

// What this consumer did not get done before the process ended may be what ended it.
void StreamReader::sweepOwn(const QByteArray &name)
{
    const auto each = [this, name](EntryId id, qint64 deliveries) {
        if (deliveries >= m_settings.maxDeliveries)
            m_letGo(name, id, "max_deliveries", givenOutText(deliveries));
    };
    sweepPending(m_client, {name, m_settings.group, m_settings.consumer, {}}, each,
                 [this, name](const redis::Reply &reply) {
                     if (reply.isError() && !hasGone({name}, reply))
                         noteRefusal(reply);
                     else if (!reply.isError() && !reply.isLost())
                         m_streams[name].cursor = "0";
                     finishOne();
                 });
}

void StreamReader::readOwn(const QByteArray &name, const Stream &stream)
{
    ++m_due;
    if (stream.cursor.isEmpty()) {
        sweepOwn(name);
        return;
    }
    if (stream.limit == 1 && !stream.next) {
        nameNextOwn(name, stream);
        return;
    }
    const qsizetype count = stream.limit > 0 ? stream.limit : m_settings.count;
    redis::Command command("XREADGROUP");
    command.add("GROUP").add(m_settings.group).add(m_settings.consumer);
    command.add("COUNT").add(qint64(count)).add("STREAMS").key(name).add(stream.cursor);
    m_client.send(command, [this, name, count](const redis::Reply &reply) {
        if (reply.isTooLong() && count == 1)
            letGoOfNext(name);
        else if (reply.isTooLong())
            shrink({name}, count);
        else
            handleOwn(name, reply);
        finishOne();
    });
}

// Who it is must be known before it is asked for: if even it alone is too long, the answer does not say.
void StreamReader::nameNextOwn(const QByteArray &name, const Stream &stream)
{
    redis::Command command("XPENDING");
    command.key(name).add(m_settings.group).add('(' + stream.cursor).add("+").add(qint64(1));
    m_client.send(command.add(m_settings.consumer), [this, name](const redis::Reply &reply) {
        Stream &its = m_streams[name];
        const auto id = EntryId::parse(reply[0][0].text());
        if (reply.isError() && !hasGone({name}, reply))
            noteRefusal(reply);
        else if (!reply.isError() && !reply.isLost() && !id)
            its.step = Step::New;
        else if (id && id == its.passed)
            its.cursor = id->toText();
        else if (id)
            its.next = id;
        finishOne();
    });
}

void StreamReader::letGoOfNext(const QByteArray &name)
{
    Stream &stream = m_streams[name];
    if (!stream.next)
        return;
    stream.passed = stream.next;
    m_letGo(name, *stream.next, "too_long", QStringLiteral("longer than an answer may be (64 MiB)"));
}

// The connection is gone with it; the next one asks for less.
void StreamReader::shrink(const QList<QByteArray> &names, qsizetype count)
{
    for (const QByteArray &name : names)
        m_streams[name].limit = std::max<qsizetype>(1, count / 2);
    emit progressed();
    m_asksEach = m_asksEach || (count == 1 && names.size() > 1);
    qCWarning(lcRedisStream).noquote()
        << names.join(", ") << "an answer with" << count << "entries was too long: fewer are asked for";
    // A group has given it to us all the same: it is named, and let go of, as one of our own.
    if (count == 1 && names.size() == 1 && m_settings.group.isEmpty())
        emit troubled(
            {Error::Kind::Protocol,
             QStringLiteral("stream %1: the entry behind %2 is longer than an answer may be")
                 .arg(QString::fromUtf8(names[0]), QString::fromUtf8(m_streams[names[0]].last.toText()))});
}

void StreamReader::handleOwn(const QByteArray &name, const redis::Reply &reply)
{
    if (reply.isLost())
        return;
    if (reply.isError()) {
        if (!hasGone({name}, reply))
            noteRefusal(reply);
        return;
    }
    const redis::Reply &entries = reply[0][1];
    if (entries.size() == 0) {
        m_streams[name].step = Step::New;
        return;
    }
    m_streams[name].cursor = entries[entries.size() - 1][0].text().toByteArray();
    m_streams[name].next.reset();
    takeEntries(name, entries, Age::Pending);
}

void StreamReader::readNew()
{
    std::map<int, QList<QByteArray>> bySlot;
    for (const auto &[name, stream] : m_streams) {
        if (stream.step == Step::New)
            bySlot[m_client.isCluster() ? redis::slotOf(name) : 0].append(name);
    }
    for (const auto &[slot, names] : bySlot) {
        const bool isOne = bySlot.size() == 1 && (!m_asksEach || names.size() == 1);
        for (qsizetype at = 0; at < names.size(); at += m_asksEach ? 1 : names.size())
            ask(m_asksEach ? names.mid(at, 1) : names, isOne);
    }
}

void StreamReader::ask(const QList<QByteArray> &names, bool blocks)
{
    const bool isGroup = !m_settings.group.isEmpty();
    redis::Command command(isGroup ? "XREADGROUP" : "XREAD");
    if (isGroup)
        command.add("GROUP").add(m_settings.group).add(m_settings.consumer);
    // Redis counts for each stream.
    qsizetype count = std::max<qsizetype>(1, m_settings.count / qsizetype(readable().size()));
    for (const QByteArray &name : names)
        count = m_streams[name].limit > 0 ? std::min(count, m_streams[name].limit) : count;
    command.add("COUNT").add(qint64(count));
    if (blocks)
        command.add("BLOCK").add(qint64(m_settings.block.count())).mayBlock(m_settings.block);
    command.add("STREAMS");
    for (const QByteArray &name : names)
        command.key(name);
    for (const QByteArray &name : names)
        command.add(isGroup ? QByteArray(">") : m_streams[name].last.toText());
    ++m_due;
    m_client.send(command, [this, names, count](const redis::Reply &reply) {
        handleNew(names, count, reply);
        finishOne();
    });
}

void StreamReader::handleNew(const QList<QByteArray> &names, qsizetype count, const redis::Reply &reply)
{
    if (reply.isTooLong())
        shrink(names, count);
    if (reply.isLost())
        return;
    if (reply.isError()) {
        if (!hasGone(names, reply))
            noteRefusal(reply);
        return;
    }
    emit progressed();
    for (const redis::Reply &stream : reply.elements()) {
        const QByteArray name = stream[0].text().toByteArray();
        if (names.contains(name))
            takeEntries(name, stream[1], Age::New);
    }
}

// The group, or the stream with it, is gone (a Redis that has forgotten, somebody who tidied up): what is
// there by now has come after that.
bool StreamReader::hasGone(const QList<QByteArray> &names, const redis::Reply &reply)
{
    if (reply.error() != redis::ErrorKind::NoGroup && !reply.text().startsWith("UNBLOCKED"))
        return false;
    qCWarning(lcRedisStream).noquote()
        << "the group is gone and is created again:" << reply.text().toByteArray();
    for (const QByteArray &name : names) {
        m_streams[name].step = Step::Unprepared;
        m_streams[name].begin = "0";
    }
    return true;
}

void StreamReader::takeEntries(const QByteArray &name, const redis::Reply &entries, Age age)
{
    if (entries.size() == 0)
        return;
    m_hasFound = true;
    m_streams[name].last =
        EntryId::parse(entries[entries.size() - 1][0].text()).value_or(m_streams[name].last);
    m_take(name, entries, age);
}

void StreamReader::noteRefusal(const redis::Reply &reply)
{
    emit troubled(redis::describe(reply.text(), m_client.place()));
    m_link.noteRefusal();
}

void StreamReader::finishOne()
{
    if (--m_due > 0)
        return;
    if (m_hasFound)
        emit answered();
    const bool isRound = (m_client.isCluster() || m_asksEach) && readable().size() > 1;
    if (isRound && !m_hasFound && !m_link.isWaitingToAsk() && m_client.isOpen())
        m_poll.start(pollInterval);
    else // not from within an answer: a long line of full answers must not fill the stack
        QMetaObject::invokeMethod(this, &StreamReader::pump, Qt::QueuedConnection);
}

} // namespace tidemill::redis_stream
