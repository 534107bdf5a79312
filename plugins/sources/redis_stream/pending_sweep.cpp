// SPDX-License-Identifier: Apache-2.0
#include "pending_sweep.h"

namespace tidemill::redis_stream {

namespace {

constexpr qint64 idsPerAnswer = 1000;

} // namespace

void sweepPending(redis::Client &client, const PendingQuery &query,
                  const std::function<void(EntryId id, qint64 deliveries)> &each,
                  const redis::Client::Callback &done, const QByteArray &from)
{
    redis::Command command("XPENDING");
    command.key(query.stream).add(query.group);
    if (query.idle.count() > 0)
        command.add("IDLE").add(qint64(query.idle.count()));
    command.add(from).add("+").add(idsPerAnswer);
    if (!query.consumer.isEmpty())
        command.add(query.consumer);
    client.send(command, [&client, query, each, done](const redis::Reply &reply) {
        for (const redis::Reply &pending : reply.elements()) {
            if (const auto id = EntryId::parse(pending[0].text()))
                each(*id, pending[3].integer());
        }
        if (reply.size() == idsPerAnswer)
            sweepPending(client, query, each, done, '(' + reply[reply.size() - 1][0].text().toByteArray());
        else
            done(reply);
    });
}

} // namespace tidemill::redis_stream
