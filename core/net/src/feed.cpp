// SPDX-License-Identifier: Apache-2.0
#include "feed_context.h"
#include "feed_shard.h"

#include <tidemill/net/feed.h>

#include <QLoggingCategory>
#include <QSet>

#include <algorithm>
#include <utility>

Q_DECLARE_LOGGING_CATEGORY(lcFeed)

namespace tidemill::net {

using std::chrono::milliseconds;

// Connections that are made together begin that far from each other.
static constexpr milliseconds stagger{25};
// The goodbye of connections that carry nothing any more.
static constexpr milliseconds emptyDeadline{2'000};

static Result<> check(const FeedPlan &plan, const QList<FeedStream> &streams)
{
    const auto wrong = [](const QString &what) { return Error{Error::Kind::Config, what}; };
    if (plan.streamsPerConnection < 1)
        return wrong(QStringLiteral("expected at least 1 stream per connection, got %1")
                         .arg(plan.streamsPerConnection));
    if (plan.redundancy < 1)
        return wrong(QStringLiteral("expected a redundancy of at least 1, got %1").arg(plan.redundancy));
    if (plan.silenceFloor.count() < 1 || plan.silenceCeiling < plan.silenceFloor)
        return wrong(QStringLiteral("expected bounds of silence from 1 ms on and in order, got %1 to %2 ms")
                         .arg(plan.silenceFloor.count())
                         .arg(plan.silenceCeiling.count()));
    QSet<int> ids;
    QSet<QByteArray> names;
    for (const FeedStream &stream : streams) {
        if (ids.contains(stream.id) || names.contains(stream.name))
            return wrong(QStringLiteral("the stream %1 (%2) stands there twice")
                             .arg(QString::fromUtf8(stream.name))
                             .arg(stream.id));
        ids.insert(stream.id);
        names.insert(stream.name);
    }
    return FeedConnection::check(plan.connection);
}

// Often enough for the shortest time that is to be kept.
static milliseconds watchInterval(const FeedPlan &plan)
{
    milliseconds shortest =
        std::min({milliseconds(1'000), plan.silenceFloor, plan.probeTimeout, plan.handoverTimeout});
    for (const milliseconds time : {plan.lifetime, plan.connection.subscribeTimeout}) {
        if (time.count() > 0)
            shortest = std::min(shortest, time);
    }
    return std::max(shortest / 4, milliseconds(5));
}

Feed::Feed(SessionFactory factory, QObject *parent)
    : QObject(parent)
    , m_context(std::make_unique<FeedContext>())
{
    m_context->factory = std::move(factory);
    m_spread.setSingleShot(true);
    connect(&m_spread, &QTimer::timeout, this, &Feed::spread);
    connect(&m_watch, &QTimer::timeout, this, [this] {
        if (m_context->isPaused)
            return;
        const auto now = std::chrono::steady_clock::now();
        for (FeedShard *shard : openShards())
            shard->watch(now);
    });
}

Feed::~Feed()
{
    // Before the context that they refer to; and nobody wants to hear of their end.
    for (FeedShard *shard : std::as_const(m_shards)) {
        shard->disconnect(this);
        delete shard;
    }
}

void Feed::setProber(Prober prober)
{
    m_context->prober = std::move(prober);
}

Result<> Feed::open(const FeedPlan &plan, const QList<FeedStream> &streams)
{
    if (m_isOpen)
        return Error{Error::Kind::Internal, QStringLiteral("this feed is open already")};
    if (const auto checked = check(plan, streams); !checked)
        return checked.error();
    m_context->plan = plan;
    m_wanted = streams;
    m_isOpen = true;
    m_isTroubled = false;
    m_nextStart = {};
    m_watch.start(watchInterval(plan));
    spread();
    return {};
}

void Feed::setStreams(const QList<FeedStream> &streams)
{
    m_wanted = streams;
    // Later: what is set several times in one go is one difference, and a session that is the caller has
    // returned.
    if (m_isOpen && !m_isClosing)
        m_spread.start(0);
}

// Removes first, as that makes room; then fills the room there is; then makes more.
void Feed::spread()
{
    QHash<int, FeedStream> missing;
    QSet<QByteArray> names;
    QList<FeedStream> order;
    for (const FeedStream &stream : std::as_const(m_wanted)) {
        if (missing.contains(stream.id) || names.contains(stream.name)) {
            qCWarning(lcFeed, "the stream %s (%d) is wanted twice; the first one counts",
                      stream.name.constData(), stream.id);
            continue;
        }
        missing.insert(stream.id, stream);
        names.insert(stream.name);
        order.append(stream);
    }
    for (FeedShard *shard : openShards()) {
        QList<int> unwanted;
        for (const FeedStream &stream : shard->streams()) {
            if (!missing.remove(stream.id))
                unwanted.append(stream.id);
        }
        if (!unwanted.isEmpty())
            shard->remove(unwanted);
    }
    order.removeIf([&missing](const FeedStream &stream) { return !missing.contains(stream.id); });
    const qsizetype capacity = m_context->plan.streamsPerConnection;
    for (FeedShard *shard : openShards()) {
        const qsizetype room = std::min(order.size(), capacity - shard->streams().size());
        if (room > 0)
            shard->add(order.first(room));
        order.remove(0, std::max<qsizetype>(room, 0));
        if (shard->streams().isEmpty())
            shard->close(emptyDeadline);
    }
    // A session that was called may have closed us.
    while (!order.isEmpty() && !m_isClosing) {
        const qsizetype count = std::min(order.size(), capacity);
        startShard(order.first(count));
        order.remove(0, count);
    }
    settleHealth();
}

QList<FeedShard *> Feed::openShards() const
{
    QList<FeedShard *> open;
    for (FeedShard *shard : m_shards) {
        if (!shard->isClosing())
            open.append(shard);
    }
    return open;
}

void Feed::startShard(const QList<FeedStream> &streams)
{
    auto *shard = new FeedShard(*m_context, this);
    m_shards.append(shard);
    connect(shard, &FeedShard::changed, this, &Feed::settleHealth);
    connect(shard, &FeedShard::interrupted, this, &Feed::interrupted);
    connect(shard, &FeedShard::resumed, this, &Feed::resumed);
    connect(shard, &FeedShard::lost, this,
            [this](const FeedTrouble &trouble) { reportTrouble(trouble, false); });
    connect(shard, &FeedShard::refused, this,
            [this](const FeedTrouble &trouble) { reportTrouble(trouble, true); });
    connect(shard, &FeedShard::finished, this, [this, shard] {
        m_shards.removeOne(shard);
        shard->deleteLater();
        if (m_isClosing && m_shards.isEmpty())
            finish();
    });
    const auto now = std::chrono::steady_clock::now();
    const auto from = std::max(now, m_nextStart);
    m_nextStart = from + m_context->plan.redundancy * stagger;
    shard->start(streams, std::chrono::ceil<milliseconds>(from - now), stagger);
}

void Feed::reportTrouble(const FeedTrouble &trouble, bool isRefusal)
{
    m_isTroubled = true;
    m_isAboutRefusals = isRefusal;
    emit troubled(trouble);
}

void Feed::settleHealth()
{
    if (!m_isTroubled || !isLive())
        return;
    QList<FeedStream> refused;
    for (const FeedShard *shard : openShards())
        refused += shard->refusedStreams();
    if (refused.isEmpty()) {
        m_isTroubled = false;
        emit recovered();
    } else if (!m_isAboutRefusals) {
        // What was said last is over; this is not.
        FeedTrouble trouble{QStringLiteral("the exchange refused %1").arg(streamNames(refused)), {}, {}, {}};
        for (const FeedStream &stream : std::as_const(refused))
            trouble.streams.append(stream.id);
        reportTrouble(trouble, true);
    }
}

bool Feed::isLive() const
{
    const QList<FeedShard *> open = openShards();
    return m_isOpen && !m_isClosing &&
           std::all_of(open.begin(), open.end(), [](const FeedShard *shard) { return shard->isLive(); });
}

void Feed::pause()
{
    if (std::exchange(m_context->isPaused, true))
        return;
    for (FeedShard *shard : std::as_const(m_shards))
        shard->pause();
}

void Feed::resume()
{
    if (!std::exchange(m_context->isPaused, false))
        return;
    for (FeedShard *shard : std::as_const(m_shards))
        shard->resume();
}

bool Feed::isPaused() const
{
    return m_context->isPaused;
}

void Feed::close(milliseconds deadline)
{
    if (std::exchange(m_isClosing, true))
        return;
    m_spread.stop();
    m_watch.stop();
    for (FeedShard *shard : openShards())
        shard->close(deadline);
    if (m_shards.isEmpty())
        QMetaObject::invokeMethod(this, &Feed::finish, Qt::QueuedConnection);
}

void Feed::finish()
{
    m_isOpen = m_isClosing = false;
    emit finished();
}

FeedFigures Feed::figures() const
{
    FeedFigures figures = m_context->counted;
    for (const FeedShard *shard : m_shards)
        shard->addTo(figures);
    return figures;
}

} // namespace tidemill::net
