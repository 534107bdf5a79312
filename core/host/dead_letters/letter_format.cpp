// SPDX-License-Identifier: Apache-2.0
#include "letter_format.h"

#include "../spool/batch_codec.h"
#include "../spool/byte_order.h"
#include "../spool/crc32c.h"
#include "../spool/schema_codec.h"
#include "../spool/spool_format.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace tidemill::host {

namespace {

constexpr QByteArrayView magic("TMDEADL\n");
constexpr quint32 version = 1;
constexpr qsizetype headerSize = 24;
constexpr quint32 maxHead = 64U << 20;
constexpr qsizetype maxMessage = 1000; // letters; a peer may answer with a whole page

Error damaged(const char *what)
{
    return {Error::Kind::Storage, QStringLiteral("damaged: expected %1").arg(QLatin1String(what))};
}

QByteArray headOf(const DeadLetter &letter)
{
    QJsonArray causes;
    for (const DeadLetter::Cause &cause : letter.causes)
        causes.append(QJsonObject{{QStringLiteral("rows"), cause.rows},
                                  {QStringLiteral("message"), cause.message.left(maxMessage)}});
    // A text: not every reader of JSON keeps 64 bits.
    return QJsonDocument(QJsonObject{{QStringLiteral("time"), QString::fromLatin1(letter.time.toString())},
                                     {QStringLiteral("pipeline"), letter.pipeline},
                                     {QStringLiteral("sink"), letter.sink},
                                     {QStringLiteral("reason"), letter.reason},
                                     {QStringLiteral("causes"), causes}})
        .toJson(QJsonDocument::Compact);
}

Result<> readHead(QByteArrayView head, DeadLetter &letter)
{
    const QJsonObject json = QJsonDocument::fromJson(head.toByteArray()).object();
    const auto time = Timestamp::parse(json[QStringLiteral("time")].toString().toLatin1());
    if (!time)
        return damaged("a head with a time");
    letter.time = *time;
    letter.pipeline = json[QStringLiteral("pipeline")].toString();
    letter.sink = json[QStringLiteral("sink")].toString();
    letter.reason = json[QStringLiteral("reason")].toString();
    for (const auto &value : json[QStringLiteral("causes")].toArray()) {
        const QJsonObject cause = value.toObject();
        letter.causes.append({std::max<qint64>(cause[QStringLiteral("rows")].toInteger(), 0),
                              cause[QStringLiteral("message")].toString()});
    }
    return {};
}

// The next entry of that kind, with its sum checked.
bool takeEntry(LeReader &reader, SpoolEntryKind kind, SpoolEntryHeader &header, QByteArrayView &payload)
{
    const auto parsed = parseSpoolEntryHeader(reader.take(spoolEntryHeaderSize));
    if (!parsed || parsed->kind != kind)
        return false;
    header = *parsed;
    payload = reader.take(qsizetype(header.payloadSize));
    return reader.isGood() && crc32c(payload) == header.payloadSum;
}

} // namespace

QString DeadLetter::causeOf(qsizetype row) const
{
    qint64 before = 0;
    for (const Cause &cause : causes) {
        if (row - before < cause.rows)
            return cause.message;
        before += cause.rows;
    }
    return {};
}

Result<QByteArray> encodeDeadLetter(const DeadLetter &letter)
{
    const Schema &schema = letter.batch->schema();
    const QByteArray payload = encodeBatch(*letter.batch);
    const QByteArray head = headOf(letter);
    if (payload.size() > qsizetype(spoolMaxPayload) || head.size() > qsizetype(maxHead))
        return Error{Error::Kind::Storage,
                     QStringLiteral("its %1 bytes are too many for one file").arg(payload.size())};
    QByteArray data = magic.toByteArray();
    appendLe<quint32>(data, version);
    appendLe<quint32>(data, quint32(head.size()));
    appendLe<quint32>(data, crc32c(head));
    appendLe<quint32>(data, crc32c(data));
    data += head;
    SpoolEntryHeader header;
    header.kind = SpoolEntryKind::Schema;
    header.fingerprint = schema.fingerprint();
    data += spoolEntry(header, encodeSchema(schema));
    header.kind = SpoolEntryKind::Batch;
    header.sequence = 1;
    header.rowCount = quint32(letter.batch->rowCount());
    data += spoolEntry(header, payload);
    return data;
}

Result<DeadLetter> decodeDeadLetter(QByteArrayView data, DeliveryPtr delivery)
{
    LeReader reader(data);
    if (reader.take(magic.size()) != magic)
        return Error{Error::Kind::Storage, QStringLiteral("not a dead letter")};
    if (const auto found = reader.number<quint32>(); reader.isGood() && found != version)
        return Error{Error::Kind::Storage,
                     QStringLiteral("expected version %1 of the format, got %2").arg(version).arg(found)};
    const auto headSize = reader.number<quint32>();
    const auto headSum = reader.number<quint32>();
    const auto sum = reader.number<quint32>();
    if (!reader.isGood() || headSize > maxHead || crc32c(data.first(headerSize - 4)) != sum)
        return damaged("a header");
    const QByteArrayView head = reader.take(headSize);
    if (!reader.isGood() || crc32c(head) != headSum)
        return damaged("a head");
    DeadLetter letter;
    if (const auto read = readHead(head, letter); !read)
        return read.error();

    SpoolEntryHeader header;
    QByteArrayView payload;
    if (!takeEntry(reader, SpoolEntryKind::Schema, header, payload))
        return damaged("a record type");
    const auto schema = decodeSchema(payload, header.fingerprint);
    if (!schema)
        return schema.error();
    if (!takeEntry(reader, SpoolEntryKind::Batch, header, payload) || !reader.rest().isEmpty() ||
        header.fingerprint != (*schema)->fingerprint() || header.rowCount == 0)
        return damaged("records");
    auto batch = decodeBatch(**schema, header.rowCount, payload, std::move(delivery));
    if (!batch)
        return batch.error();
    letter.batch = *std::move(batch);
    return letter;
}

} // namespace tidemill::host
