// SPDX-License-Identifier: Apache-2.0
#include "worker_options.h"

#include "entry_id.h"

#include <tidemill/records.h>
#include <tidemill/redis/url.h>

namespace tidemill::redis_stream {

namespace {

const Schema *schemaNamed(const QString &name)
{
    for (const Schema *schema : standardSchemas()) {
        if (QString::fromUtf8(schema->name()) == name)
            return schema;
    }
    return nullptr;
}

} // namespace

OptionList WorkerOptions::list()
{
    return {
        Option("url", url,
               "redis://[[USER]:PASSWORD@]HOST[:PORT][/DB], rediss://... for TLS, or unix:///PATH[?db=N].")
            .required()
            .secret(),
        Option("streams", streams, "Names of streams, and patterns such as \"trades:*\".")
            .required()
            .notEmpty()
            .example("[\"trades:*\"]"),
        Option("refresh", refresh, "How often to look for more streams that match.").atLeast(100),
        Option("max_streams", maxStreams, "More streams than that are not read.").atLeast(1).atMost(100000),
        Option("group", group,
               "Consumer group, made if it is missing: its workers share the entries, and an entry is "
               "acknowledged when all sinks have confirmed it. Empty: read all, alone, from a checkpoint."),
        Option("consumer", consumer,
               "Our name in the group: one for each worker, and the same after a restart. By default "
               "HOST-PIPELINE-NODE."),
        Option("from", from,
               "Where a new group, or the first reading without one, begins: 0 (all there is), $ (what comes "
               "from now on), or an id."),
        Option("record", record, "What the entries are: a record type."),
        Option("fields", fields,
               "From record types to the fields of an entry, as the sink redis_stream has them; by default "
               "what that writes by default."),
        Option("time_zone", timeZone, "Of times that are written without a zone.").example("Europe/Berlin"),
        Option("count", count, "Entries asked for at once, of all streams together.")
            .atLeast(1)
            .atMost(100000),
        Option("block", block, "How long Redis waits for an entry before it says that there is none.")
            .atLeast(10)
            .atMost(60000),
        Option("min_idle", minIdle,
               "Entries that a worker has had for so long without a sign of life are taken over; 0s: never.")
            .atLeast(0),
        Option(
            "max_deliveries", maxDeliveries,
            "An entry that has been given out so often and was never done with is let go of: logged, counted "
            "and acknowledged; 0: never.")
            .atLeast(0),
        Option("cluster", cluster, "Whether it is a Redis Cluster; auto asks the server.",
               {"auto", "on", "off"}),
        Option("ca_file", caFile, "For rediss: PEM file of the only authorities to trust."),
    };
}

OptionErrors WorkerOptions::validate(EntryReader &reader) const
{
    OptionErrors errors;
    const auto expect = [&errors](bool good, const char *option, const QString &message,
                                  const QString &suggestion = {}) {
        if (!good)
            errors.append({QLatin1String(option), message, suggestion, {}});
    };
    const auto address = redis::Url::parse(url);
    expect(bool(address), "url", address ? QString() : address.error().message);
    expect(from == QLatin1String("$") || EntryId::parse(from.toUtf8()), "from",
           QStringLiteral("expected 0, $ or the id of an entry, got '%1'").arg(from));
    expect(minIdle.count() == 0 || minIdle >= std::chrono::milliseconds(100), "min_idle",
           QStringLiteral("expected 0s or at least 100ms"));
    const QTimeZone zone(timeZone.toUtf8());
    expect(zone.isValid(), "time_zone",
           QStringLiteral("expected a name such as UTC or Europe/Berlin, got '%1'").arg(timeZone));

    QStringList types;
    for (const Schema *schema : standardSchemas())
        types.append(QString::fromUtf8(schema->name()));
    const EntryMappings mappings = EntryMappings::parse({}, fields, false, errors);
    for (const QString &type : mappings.recordTypes())
        expect(types.contains(type), "fields", QStringLiteral("there is no record type '%1'").arg(type),
               nearestName(type, types));
    if (const Schema *schema = schemaNamed(record))
        reader = EntryReader::make(*schema, mappings.typeOf(*schema), zone, errors);
    else
        expect(false, "record", QStringLiteral("there is no record type '%1'").arg(record),
               nearestName(record, types));
    return errors;
}

} // namespace tidemill::redis_stream
