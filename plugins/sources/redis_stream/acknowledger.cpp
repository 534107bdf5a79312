// SPDX-License-Identifier: Apache-2.0
#include "acknowledger.h"

#include <QCoreApplication>

#include <utility>

namespace tidemill::redis_stream {

namespace {

constexpr qsizetype idsPerCommand = 1000;

} // namespace

Acknowledger::Acknowledger(redis::Client &client, const QByteArray &group, Counter acknowledged,
                           QObject *parent)
    : QObject(parent)
    , m_client(client)
    , m_group(group)
    , m_acknowledged(acknowledged)
{
    m_mailbox->reader = this;
}

Acknowledger::~Acknowledger()
{
    const std::lock_guard lock(m_mailbox->lock);
    m_mailbox->reader = nullptr;
}

QEvent::Type Acknowledger::wakeEvent()
{
    static const auto type = QEvent::Type(QEvent::registerEventType());
    return type;
}

DeliveryPtr Acknowledger::receiptFor(EntrySet &&entries)
{
    auto shared = std::make_shared<EntrySet>(std::move(entries));
    std::erase_if(m_inFlight, [](const std::weak_ptr<EntrySet> &set) { return set.expired(); });
    m_inFlight.push_back(shared);
    return std::make_shared<Receipt>([mailbox = m_mailbox, shared](DeliveryPtr hosts) {
        auto settled = std::make_shared<const Settled>(Settled{shared, std::move(hosts)});
        const std::lock_guard lock(mailbox->lock);
        if (!mailbox->reader)
            return;
        mailbox->settled.push_back(std::move(settled));
        if (mailbox->settled.size() == 1)
            QCoreApplication::postEvent(mailbox->reader, new QEvent(wakeEvent()));
    });
}

bool Acknowledger::event(QEvent *event)
{
    if (event->type() != wakeEvent())
        return QObject::event(event);
    collect();
    flush();
    return true;
}

void Acknowledger::collect()
{
    std::vector<SettledPtr> all;
    {
        const std::lock_guard lock(m_mailbox->lock);
        all.swap(m_mailbox->settled);
    }
    for (const SettledPtr &settled : all) {
        for (const auto &[stream, ids] : settled->entries->byStream) {
            Unsent unsent{stream, {}, settled};
            for (const EntryId &id : ids) {
                unsent.ids.append(id.toText());
                if (unsent.ids.size() == idsPerCommand)
                    m_unsent.push_back({stream, std::exchange(unsent.ids, {}), settled});
            }
            if (!unsent.ids.isEmpty())
                m_unsent.push_back(std::move(unsent));
        }
    }
}

void Acknowledger::flush()
{
    if (!m_client.isOpen()) {
        if (m_isLast)
            m_unsent.clear();
        return;
    }
    // What fails is put back behind these.
    for (std::size_t count = m_unsent.size(); count > 0; --count) {
        Unsent unsent = std::move(m_unsent.front());
        m_unsent.pop_front();
        send(std::move(unsent));
    }
}

void Acknowledger::send(Unsent &&unsent)
{
    redis::Command command("XACK");
    command.key(unsent.stream).add(m_group);
    for (const QByteArray &id : std::as_const(unsent.ids))
        command.add(id);
    const quint64 number = ++m_number;
    m_sent.emplace(number, std::move(unsent));
    m_client.send(command, [this, number](const redis::Reply &reply) {
        auto answered = m_sent.extract(number);
        if (!reply.isLost() && !reply.isError())
            m_acknowledged.add(quint64(reply.integer()));
        else if (!m_isLast)
            m_unsent.push_back(std::move(answered.mapped()));
    });
}

void Acknowledger::finish()
{
    m_isLast = true;
    flush();
}

std::set<EntryId> Acknowledger::held(const QByteArray &stream)
{
    collect();
    std::set<EntryId> ids;
    for (const std::weak_ptr<EntrySet> &weak : m_inFlight) {
        const auto set = weak.lock();
        if (!set)
            continue;
        if (const auto found = set->byStream.find(stream); found != set->byStream.end())
            ids.insert(found->second.begin(), found->second.end());
    }
    return ids;
}

QList<std::shared_ptr<EntrySet>> Acknowledger::untouchedSince(std::chrono::steady_clock::time_point then)
{
    QList<std::shared_ptr<EntrySet>> sets;
    for (const std::weak_ptr<EntrySet> &weak : m_inFlight) {
        if (auto set = weak.lock(); set && set->touched < then)
            sets.append(std::move(set));
    }
    return sets;
}

} // namespace tidemill::redis_stream
