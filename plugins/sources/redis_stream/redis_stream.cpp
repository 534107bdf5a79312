// SPDX-License-Identifier: Apache-2.0
#include "acknowledger.h"
#include "claimer.h"
#include "entry_reader.h"
#include "stream_finder.h"
#include "stream_reader.h"
#include "worker_options.h"

#include <tidemill/plugin.h>
#include <tidemill/records_out.h>
#include <tidemill/redis/reconnector.h>
#include <tidemill/redis/url.h>

#include <QSysInfo>

#include <algorithm>

Q_LOGGING_CATEGORY(lcRedisStream, TIDEMILL_LOG_CATEGORY)

namespace tidemill::redis_stream {

namespace {

constexpr std::size_t maxExhausted = 10000;
constexpr qsizetype maxNamed = 20;

// "entry 5-0", "3 entries (5-0, 6-0, 7-0)"
QByteArray idsText(const QList<EntryId> &ids)
{
    if (ids.size() == 1)
        return "entry " + ids[0].toText();
    QByteArray text = QByteArray::number(ids.size()) + " entries (";
    for (qsizetype at = 0; at < std::min(ids.size(), maxNamed); ++at)
        text.append(at > 0 ? ", " : "").append(ids[at].toText());
    return text.append(ids.size() > maxNamed ? " to " + ids.last().toText() + ')' : ")");
}

} // namespace

// Records that others have put into Redis Streams. Over one connection entries are read (StreamReader), over
// the other one streams are looked for (StreamFinder) and the group is told what is done (Acknowledger) and
// asked for what others have left lying (Claimer). Here entries become records.
class RedisStreamSource final : public Source
{
    Q_OBJECT

public:
    OptionList options() override { return m_options.list(); }
    OptionErrors validate() override { return m_options.validate(m_entryReader); }
    Result<> start() override;
    void stop() override;
    void setPaused(bool paused) override;

private:
    bool isGroup() const { return !m_options.group.isEmpty(); }
    redis::Settings clientSettings(const redis::Url &url) const;
    QByteArray consumerName() const;
    void openGroup();
    void openReader();
    void connectReader();
    void noteFound(const QList<QByteArray> &streams);
    void take(const QByteArray &stream, const redis::Reply &entries, StreamReader::Age age);
    void noteTrimmed(const QByteArray &stream, const QList<EntryId> &ids, bool isPending);
    void noteGap(const QByteArray &stream, const QList<EntryId> &ids, const QByteArray &reason,
                 bool isPending);
    void letGo(const QByteArray &stream, EntryId id, const char *reason, const QString &detail);
    void emitTaken();
    void emitWith(const BatchPtr &batch, EntrySet &&entries);
    void setTrouble(const Error &cause);
    void endTrouble();

    WorkerOptions m_options;
    EntryReader m_entryReader;
    std::unique_ptr<UntypedBatchBuilder> m_taken;
    EntrySet m_takenEntries;
    RecordsOut m_gaps{[this](const BatchPtr &batch) { emitWith(batch, std::exchange(m_gapEntries, {})); }};
    EntrySet m_gapEntries;
    bool m_willEmit = false;
    std::map<QByteArray, EntryId> m_reached; // without a group
    std::set<std::pair<QByteArray, EntryId>> m_exhausted;
    std::shared_ptr<std::atomic<qint64>> m_lastData = std::make_shared<std::atomic<qint64>>(0);
    QList<QByteArray> m_known;
    Counter m_trimmed;
    Counter m_claimed;
    QString m_trouble;
    bool m_isPaused = false;
    // All are children of ours, so that they move along to our thread.
    redis::Client *m_readClient = nullptr;
    redis::Client *m_client = nullptr;
    redis::Reconnector *m_readLink = nullptr;
    redis::Reconnector *m_link = nullptr;
    StreamFinder *m_finder = nullptr;
    StreamReader *m_reader = nullptr;
    Acknowledger *m_acknowledger = nullptr; // null without a group, as the next
    Claimer *m_claimer = nullptr;
};

redis::Settings RedisStreamSource::clientSettings(const redis::Url &url) const
{
    redis::Settings settings;
    settings.url = url;
    settings.caFile = m_options.caFile;
    settings.cluster = redis::Settings::Cluster(m_options.cluster);
    return settings;
}

// Stable, because what we were given before a restart is ours under this name only.
QByteArray RedisStreamSource::consumerName() const
{
    if (!m_options.consumer.isEmpty())
        return m_options.consumer.toUtf8();
    return QStringLiteral("%1-%2-%3")
        .arg(QSysInfo::machineHostName(), context().pipeline, context().name)
        .toUtf8();
}

Result<> RedisStreamSource::start()
{
    const auto url = redis::Url::parse(m_options.url);
    if (!url)
        return url.error();
    m_trimmed = counter("tidemill_redis_trimmed_total",
                        "Entries that were trimmed from their stream before they were dealt with.");
    m_claimed = counter("tidemill_redis_claimed_total", "Entries taken over from consumers that left them.");
    m_gaps.countGaps(context().metrics);
    m_taken = std::make_unique<UntypedBatchBuilder>(m_entryReader.schema());
    m_client = new redis::Client(clientSettings(*url), this);
    m_readClient = new redis::Client(clientSettings(*url), this);
    m_link = new redis::Reconnector(*m_client, this);
    m_readLink = new redis::Reconnector(*m_readClient, this);
    m_finder = new StreamFinder(*m_client, m_options.streams, m_options.refresh, m_options.maxStreams, this);
    openReader();
    if (isGroup())
        openGroup();
    connectReader();
    setPaused(m_isPaused);
    m_link->start();
    m_readLink->start();
    return {};
}

void RedisStreamSource::openReader()
{
    ReadSettings settings{.group = m_options.group.toUtf8(),
                          .consumer = consumerName(),
                          .from = m_options.from.toUtf8(),
                          .named = {},
                          .count = m_options.count,
                          .block = m_options.block,
                          .maxDeliveries = m_options.maxDeliveries};
    for (const QString &name : std::as_const(m_options.streams)) {
        if (!StreamFinder::isPattern(name))
            settings.named.append(name.toUtf8());
    }
    m_reader = new StreamReader(
        *m_readLink, settings,
        [this](const QByteArray &stream, const redis::Reply &entries, StreamReader::Age age) {
            take(stream, entries, age);
        },
        [this](const QByteArray &stream, EntryId id, const char *reason, const QString &detail) {
            letGo(stream, id, reason, detail);
        },
        this);
}

void RedisStreamSource::openGroup()
{
    const QByteArray group = m_options.group.toUtf8();
    m_acknowledger = new Acknowledger(
        *m_client, group,
        counter("tidemill_redis_acknowledged_total", "Entries acknowledged to their group."), this);
    Claimer::Events events;
    events.streams = [this] { return m_reader->readable(); };
    events.claimed = [this](const QByteArray &stream, const redis::Reply &entries) {
        m_claimed.add(quint64(entries.size()));
        take(stream, entries, StreamReader::Age::Pending);
    };
    events.trimmed = [this](const QByteArray &stream, const QList<EntryId> &ids) {
        noteTrimmed(stream, ids, false);
        emitTaken();
    };
    events.letGo = [this](const QByteArray &stream, EntryId id, const char *reason, const QString &detail) {
        letGo(stream, id, reason, detail);
    };
    const ClaimSettings settings{group, consumerName(), m_options.count, m_options.minIdle,
                                 m_options.maxDeliveries};
    m_claimer = new Claimer(*m_client, *m_acknowledger, settings, std::move(events), this);
    connect(m_claimer, &Claimer::answered, this, &RedisStreamSource::emitTaken);
    connect(m_claimer, &Claimer::troubled, this, &RedisStreamSource::setTrouble);
}

void RedisStreamSource::connectReader()
{
    connect(m_client, &redis::Client::connected, this, [this] {
        m_finder->start();
        if (isGroup()) {
            m_acknowledger->flush();
            m_claimer->start();
        }
    });
    connect(m_readClient, &redis::Client::connected, m_reader, &StreamReader::start);
    for (const redis::Client *client : {m_client, m_readClient})
        connect(client, &redis::Client::failed, this,
                [this](const redis::Failure &failure) { setTrouble(failure.error); });
    connect(m_finder, &StreamFinder::found, this, &RedisStreamSource::noteFound);
    connect(m_finder, &StreamFinder::failed, this, &RedisStreamSource::setTrouble);
    connect(m_finder, &StreamFinder::limited, this, [this](qsizetype limit) {
        setTrouble({Error::Kind::Config,
                    QStringLiteral("there are more streams than max_streams (%1): the others are not read")
                        .arg(limit)});
    });
    connect(m_reader, &StreamReader::answered, this, &RedisStreamSource::emitTaken);
    connect(m_reader, &StreamReader::troubled, this, &RedisStreamSource::setTrouble);
    connect(m_reader, &StreamReader::progressed, this, [this] {
        m_readLink->noteProgress();
        endTrouble();
    });
}

// Acknowledgements go on: what the sinks are still at is to be told before we are deleted.
void RedisStreamSource::stop()
{
    if (!m_reader)
        return; // it was never started
    m_reader->stop();
    m_finder->stop();
    m_readLink->stop();
    if (!isGroup()) {
        m_link->stop();
        return;
    }
    m_claimer->stop();
    m_link->finish();
    m_acknowledger->finish();
}

void RedisStreamSource::setPaused(bool paused)
{
    m_isPaused = paused; // also before start(): what follows may be full of what the last run left
    if (m_reader)
        m_reader->setPaused(paused);
    if (m_claimer)
        m_claimer->setPaused(paused);
}

void RedisStreamSource::noteFound(const QList<QByteArray> &streams)
{
    m_link->noteProgress();
    for (const QByteArray &stream : streams) {
        if (isGroup() || m_known.contains(stream))
            continue;
        if (const auto position = EntryId::parse(savedPosition(stream)); position && *position != EntryId())
            m_reader->setPosition(stream, *position);
    }
    if (streams != m_known) {
        m_known = streams;
        qCInfo(lcRedisStream).noquote()
            << context().name + QStringLiteral(": reads %1 streams").arg(streams.size());
        QList<Stream> list;
        for (const QByteArray &stream : streams)
            list.append({stream, "entries", m_lastData}); // one age for all: a symbol may be quiet
        emit streamsChanged(list);
    }
    m_reader->setStreams(streams);
    if (streams.isEmpty())
        endTrouble();
}

void RedisStreamSource::take(const QByteArray &stream, const redis::Reply &entries, StreamReader::Age age)
{
    m_lastData->store(Timestamp::now().ns, std::memory_order_relaxed);
    std::set<EntryId> held;
    if (age == StreamReader::Age::Pending && m_acknowledger)
        held = m_acknowledger->held(stream);
    QList<EntryId> trimmed;
    std::map<QByteArray, std::pair<QList<EntryId>, QString>> refused; // by reason, with the first one's
    std::vector<EntryId> good;
    for (const redis::Reply &entry : entries.elements()) {
        const auto id = EntryId::parse(entry[0].text());
        if (!id) {
            reject("bad_id", QString::fromUtf8(entry[0].text().toByteArray().left(40)));
            continue;
        }
        if (held.contains(*id) || m_exhausted.contains({stream, *id}))
            continue;
        if (!entry[1].isArray()) {
            trimmed.append(*id);
        } else if (const auto fault = m_entryReader.append(*m_taken, *id, entry[1])) {
            reject(fault->reason,
                   QStringLiteral("%1 %2: %3")
                       .arg(QString::fromUtf8(stream), QString::fromUtf8(id->toText()), fault->detail));
            auto &[ids, detail] = refused[fault->reason];
            detail = ids.isEmpty() ? fault->detail : detail;
            ids.append(*id);
        } else {
            good.push_back(*id);
        }
        m_reached[stream] = *id;
    }
    for (const auto &[reason, what] : refused)
        noteGap(stream, what.first,
                idsText(what.first) + " cannot be read: " + reason + ": " + what.second.toUtf8(), isGroup());
    if (!isGroup())
        return;
    if (!good.empty()) {
        auto &ids = m_takenEntries.byStream[stream];
        ids.insert(ids.end(), good.begin(), good.end());
    }
    noteTrimmed(stream, trimmed, true);
}

void RedisStreamSource::noteTrimmed(const QByteArray &stream, const QList<EntryId> &ids, bool isPending)
{
    if (ids.isEmpty())
        return;
    m_trimmed.add(quint64(ids.size()));
    const auto [first, last] = std::minmax_element(ids.begin(), ids.end());
    const QByteArray reason =
        QStringLiteral("%1 entries from %2 to %3 were trimmed before they were dealt with")
            .arg(ids.size())
            .arg(QString::fromUtf8(first->toText()), QString::fromUtf8(last->toText()))
            .toUtf8();
    qCWarning(lcRedisStream).noquote() << context().name + QStringLiteral(": stream") << stream << reason;
    noteGap(stream, ids, reason, isPending);
}

// Missing and said so. `isPending`: the group still thinks that they are to be done, and they are when the
// sinks have confirmed that it was said.
void RedisStreamSource::noteGap(const QByteArray &stream, const QList<EntryId> &ids, const QByteArray &reason,
                                bool isPending)
{
    const EntryId last = *std::max_element(ids.begin(), ids.end());
    m_gaps.add({.exchange = Symbol("redis"),
                .symbol = Symbol(stream),
                .stream = Symbol("entries"),
                .ts_event = Timestamp::fromMilliseconds(qint64(last.ms & 0x7ffffffffff)),
                .ts_recv = Timestamp::now(),
                .cause = GapCause::Dropped},
               reason);
    if (!isPending)
        return;
    auto &waiting = m_gapEntries.byStream[stream];
    waiting.insert(waiting.end(), ids.begin(), ids.end());
}

void RedisStreamSource::letGo(const QByteArray &stream, EntryId id, const char *reason, const QString &detail)
{
    if (m_acknowledger->held(stream).contains(id))
        return;
    if (m_exhausted.size() >= maxExhausted)
        m_exhausted.clear();
    if (!m_exhausted.insert({stream, id}).second)
        return;
    reject(
        reason,
        QStringLiteral("%1 %2: %3").arg(QString::fromUtf8(stream), QString::fromUtf8(id.toText()), detail));
    noteGap(stream, {id}, idsText({id}) + " is let go of: " + detail.toUtf8(), true);
    // Later: many may come at once.
    if (!std::exchange(m_willEmit, true))
        QMetaObject::invokeMethod(this, &RedisStreamSource::emitTaken, Qt::QueuedConnection);
}

void RedisStreamSource::emitTaken()
{
    if (!m_taken->isEmpty())
        emitWith(m_taken->finish(), std::exchange(m_takenEntries, {}));
    m_willEmit = false;
    m_gaps.flush();
    if (isGroup())
        m_reached.clear();
    for (const auto &[stream, id] : std::exchange(m_reached, {}))
        reached(stream, id.toText());
}

void RedisStreamSource::emitWith(const BatchPtr &batch, EntrySet &&entries)
{
    if (m_acknowledger && !entries.byStream.empty())
        batch->attachDelivery(m_acknowledger->receiptFor(std::move(entries)));
    emit emitted(batch);
}

void RedisStreamSource::setTrouble(const Error &cause)
{
    if (m_trouble == cause.message)
        return;
    m_trouble = cause.message;
    emit degraded(cause);
}

void RedisStreamSource::endTrouble()
{
    if (m_trouble.isEmpty() || m_reader->hasUnusable() || !m_client->isOpen())
        return;
    m_trouble.clear();
    emit recovered();
}

} // namespace tidemill::redis_stream

using tidemill::redis_stream::RedisStreamSource;
TIDEMILL_PLUGIN(RedisStreamSource, "redis_stream.json")

#include "redis_stream.moc"
