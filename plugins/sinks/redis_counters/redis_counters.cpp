// SPDX-License-Identifier: Apache-2.0
#include "counts.h"

#include <tidemill/plugin.h>
#include <tidemill/redis/client.h>

#include <QUuid>

#include <deque>

Q_LOGGING_CATEGORY(lcRedisCounters, TIDEMILL_LOG_CATEGORY)

namespace tidemill::redis_counters {

// Counters for those who read message_count, latency_sum, error_count and data_loss_count from a Redis.
//
// What came since the last answer is added in one transaction, which also sets a marker of this process to
// the transaction's number. If the connection ends before the answer, the marker tells after the next connect
// whether the transaction was carried out, and the batches are not counted twice when the host offers them
// again.
class RedisCounters final : public Sink
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {
            Option(
                "url", m_urlText,
                "redis://[[USER]:PASSWORD@]HOST[:PORT][/DB], rediss://... for TLS, or unix:///PATH[?db=N].")
                .secret(),
            Option("host", m_host, "Instead of url. Neither of them: nothing is counted."),
            Option("port", m_port, "Of host.").atLeast(1).atMost(65535),
            Option("prefix", m_prefix,
                   "In front of the names of the keys. In a Redis Cluster it needs a part in braces, {like "
                   "this}, "
                   "so that one node has them all."),
            Option("ca_file", m_caFile, "For rediss: PEM file of the only authorities to trust."),
            Option("connect_timeout", m_connectTimeout, "How long Redis may take to let us in.")
                .atLeast(100)
                .atMost(600000),
            Option("reply_timeout", m_replyTimeout, "How long it may be silent while an answer is due.")
                .atLeast(100)
                .atMost(600000),
        };
    }

    OptionErrors validate() override;
    Result<> start() override;
    void stop() override;

public slots: // NOLINT(readability-redundant-access-specifiers): moc's, not the compiler's
    void receive(const BatchPtr &batch) override;
    void flush() override;

private:
    // Sent, and the answer did not come.
    struct Unknown
    {
        QByteArray number; // of the transaction; empty: nothing is unknown
        std::deque<quint64> batches;
        bool wasCounted = false; // known once the marker has been read
    };

    bool isOff() const { return m_urlText.isEmpty() && m_host.isEmpty(); }
    Result<redis::Url> url() const;
    QByteArray key(const char *name) const { return m_prefix.toUtf8() + name; }
    void prepare();
    void finishPreparing(const redis::Reply &marker);
    void send();
    void finishSending(const redis::Reply &reply);
    bool settleUnknown(const BatchPtr &batch);
    void fail(const redis::Reply &reply);
    void handleFailure(const redis::Failure &failure);
    void forgetAll();

    QString m_urlText;
    QString m_host;
    int m_port = 6379;
    QString m_prefix;
    QString m_caFile;
    std::chrono::milliseconds m_connectTimeout{5000};
    std::chrono::milliseconds m_replyTimeout{10000};

    redis::Client *m_client = nullptr;
    QByteArray m_marker;
    quint64 m_number = 0;
    bool m_isReady = false;
    QList<BatchPtr> m_waiting; // to be counted with the next transaction
    QList<BatchPtr> m_sent;    // in the one under way
    Unknown m_unknown;
};

Result<redis::Url> RedisCounters::url() const
{
    if (!m_urlText.isEmpty())
        return redis::Url::parse(m_urlText);
    redis::Url url;
    url.host = m_host;
    url.port = quint16(m_port);
    return url;
}

OptionErrors RedisCounters::validate()
{
    OptionErrors errors;
    if (!m_urlText.isEmpty() && !m_host.isEmpty())
        errors.append({QStringLiteral("host"), QStringLiteral("is not for use together with url"), {}, {}});
    if (const auto parsed = url(); !parsed)
        errors.append({QStringLiteral("url"), parsed.error().message, {}, {}});
    return errors;
}

Result<> RedisCounters::start()
{
    if (isOff()) {
        qCInfo(lcRedisCounters).noquote()
            << context().name + QStringLiteral(": no url and no host: counts nothing");
        return {};
    }
    const auto parsed = url();
    if (!parsed)
        return parsed.error();
    redis::Settings settings;
    settings.url = *parsed;
    settings.caFile = m_caFile;
    settings.connectTimeout = m_connectTimeout;
    settings.replyTimeout = m_replyTimeout;
    settings.endsLostConnections = true;
    m_marker = key("counted:") + QUuid::createUuid().toByteArray(QUuid::WithoutBraces);
    m_client = new redis::Client(settings, this);
    connect(m_client, &redis::Client::connected, this, &RedisCounters::prepare);
    connect(m_client, &redis::Client::failed, this, &RedisCounters::handleFailure);
    m_client->open(); // the keys are to be there before the first record
    return {};
}

void RedisCounters::stop()
{
    if (m_client)
        m_client->close();
}

void RedisCounters::receive(const BatchPtr &batch)
{
    if (isOff())
        emit delivered(batch);
    else
        m_waiting.append(batch);
}

void RedisCounters::flush()
{
    if (m_waiting.isEmpty())
        return;
    if (m_isReady)
        send();
    else
        m_client->open(); // nothing if it is on its way
}

// Readers expect the keys from the beginning on.
void RedisCounters::prepare()
{
    if (m_client->isCluster() && redis::slotOf(key("a")) != redis::slotOf(key("b"))) {
        m_client->close();
        handleFailure(
            {{Error::Kind::Config,
              QStringLiteral("prefix: expected a part in braces, such as {counters}:, as this is a Redis "
                             "Cluster, got '%1'")
                  .arg(m_prefix)},
             redis::ErrorKind::CrossSlot});
        return;
    }
    redis::Transaction first(redis::slotOf(m_marker));
    for (const char *name : {"message_count", "latency_sum", "error_count", "data_loss_count"})
        first.append(redis::Command("SETNX").key(key(name)).add("0"));
    first.append(redis::Command("GET").key(m_marker));
    m_client->send(std::move(first), [this](const redis::Reply &reply) {
        if (reply.isLost())
            return;
        if (reply.isError())
            fail(reply);
        else
            finishPreparing(reply[4]);
    });
}

void RedisCounters::finishPreparing(const redis::Reply &marker)
{
    m_unknown.wasCounted = !m_unknown.number.isEmpty() && marker.text() == m_unknown.number;
    m_isReady = true;
    emit recovered();
    flush();
}

// True if it was counted already, before the connection ended.
bool RedisCounters::settleUnknown(const BatchPtr &batch)
{
    if (m_unknown.batches.empty())
        return false;
    const bool isSame = m_unknown.batches.front() == fingerprintOf(*batch);
    if (!isSame || !m_unknown.wasCounted) {
        m_unknown = {}; // others now, or all of them to be counted
        return false;
    }
    m_unknown.batches.pop_front();
    emit delivered(batch);
    return true;
}

void RedisCounters::send()
{
    if (!m_sent.isEmpty())
        return; // the answer's end sends the rest
    Counts counts;
    for (const BatchPtr &batch : std::exchange(m_waiting, {})) {
        if (settleUnknown(batch))
            continue;
        counts += Counts::of(*batch);
        m_sent.append(batch);
    }
    if (m_sent.isEmpty())
        return;
    redis::Transaction transaction(redis::slotOf(m_marker));
    const auto add = [&](const char *name, qint64 count) {
        if (count > 0)
            transaction.append(redis::Command("INCRBY").key(key(name)).add(count));
    };
    add("message_count", counts.messages);
    add("error_count", counts.errors);
    add("data_loss_count", counts.losses);
    if (counts.latencyNs > 0)
        transaction.append(redis::Command("INCRBYFLOAT").key(key("latency_sum")).add(counts.latencyText()));
    // It need not outlive an outage by much, and is nobody's once we are gone.
    transaction.append(
        redis::Command("SET").key(m_marker).add(qint64(++m_number)).add("EX").add(qint64(86400)));
    m_client->send(std::move(transaction), [this](const redis::Reply &reply) { finishSending(reply); });
}

void RedisCounters::finishSending(const redis::Reply &reply)
{
    if (reply.isLost()) {
        m_unknown = {QByteArray::number(m_number), {}, false};
        for (const BatchPtr &batch : std::as_const(m_sent))
            m_unknown.batches.push_back(fingerprintOf(*batch));
        return; // handleFailure() follows
    }
    if (reply.isError()) { // and nothing of it was carried out
        fail(reply);
        return;
    }
    // One of them may be a text that is no number: the others have counted all the same.
    for (const redis::Reply &each : reply.elements()) {
        if (each.isError())
            reject("not_a_number", redis::describe(each.text(), m_client->place()).message);
    }
    for (const BatchPtr &batch : std::exchange(m_sent, {}))
        emit delivered(batch);
    flush();
}

void RedisCounters::fail(const redis::Reply &reply)
{
    const Error why = redis::describe(reply.text(), m_client->place());
    // So that the next batch connects and prepares again; a replica is never the right server.
    if (!m_isReady || redis::adviceFor(reply.error()) == redis::Advice::Reconnect) {
        m_isReady = false;
        m_client->close();
    }
    if (m_waiting.isEmpty() && m_sent.isEmpty()) {
        emit degraded(why);
        return;
    }
    forgetAll();
    emit failed(why);
}

void RedisCounters::handleFailure(const redis::Failure &failure)
{
    m_isReady = false;
    if (m_waiting.isEmpty() && m_sent.isEmpty()) {
        emit degraded(failure.error);
        return;
    }
    forgetAll();
    emit failed(failure.error);
}

void RedisCounters::forgetAll()
{
    m_waiting.clear();
    m_sent.clear();
}

} // namespace tidemill::redis_counters

using tidemill::redis_counters::RedisCounters;
TIDEMILL_PLUGIN(RedisCounters, "redis_counters.json")

#include "redis_counters.moc"
