// SPDX-License-Identifier: Apache-2.0
#include "capture_format.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSet>
#include <QtEndian>

#define ZLIB_CONST // its input is const
#include <zlib.h>

namespace tidemill::net::capture {

namespace {

// Short ones only: no token is.
constexpr qsizetype longestKeptText = 64;

quint32 sumOf(QByteArrayView bytes)
{
    return quint32(crc32(0, reinterpret_cast<const Bytef *>(bytes.data()), uInt(bytes.size())));
}

template<typename T>
T read(QByteArrayView bytes, qsizetype offset)
{
    return qFromLittleEndian<T>(bytes.data() + offset);
}

template<typename T>
void write(char *bytes, qsizetype offset, T value)
{
    qToLittleEndian<T>(value, bytes + offset);
}

const QSet<QString> &harmlessNames()
{
    static const QSet<QString> names{
        "method", "type",    "event",   "op",    "channel",  "channels", "name",   "product_ids",  "symbol",
        "pair",   "symbols", "streams", "depth", "interval", "snapshot", "req_id", "subscription", "id",
    };
    return names;
}

// `isHarmless`: the value stands under a name that is.
QJsonValue maskedValue(const QJsonValue &value, bool isHarmless, int depth)
{
    if (depth > 8)
        return QStringLiteral("***");
    if (value.isObject()) {
        QJsonObject result;
        const QJsonObject object = value.toObject();
        for (auto member = object.begin(); member != object.end(); ++member) {
            // Binance has the streams in "params", others an object with who knows what.
            const bool isList = member.key() == QLatin1String("params") && member.value().isArray();
            result.insert(
                member.key(),
                maskedValue(member.value(), isList || harmlessNames().contains(member.key()), depth + 1));
        }
        return result;
    }
    if (value.isArray()) {
        QJsonArray result;
        const QJsonArray elements = value.toArray();
        for (const QJsonValue &element : elements)
            result.append(maskedValue(element, isHarmless, depth + 1));
        return result;
    }
    const bool isKept = isHarmless && (!value.isString() || value.toString().size() <= longestKeptText);
    return isKept || value.isNull() ? value : QJsonValue(QStringLiteral("***"));
}

} // namespace

void appendRecord(QByteArray &records, const RecordHeader &header, QByteArrayView payload)
{
    char bytes[recordHeaderBytes] = {};
    bytes[0] = char(header.kind);
    bytes[1] = char(header.flags);
    write(bytes, 4, quint32(payload.size()));
    write(bytes, 8, header.timeNs);
    write(bytes, 16, header.connection);
    records.append(bytes, recordHeaderBytes);
    records.append(payload);
}

std::optional<RecordHeader> parseRecord(QByteArrayView records)
{
    if (records.size() < recordHeaderBytes)
        return {};
    const auto kind = quint8(records[0]);
    const auto size = read<quint32>(records, 4);
    if (kind < 1 || kind > lastKind || qint64(size) > records.size() - recordHeaderBytes)
        return {};
    return RecordHeader{Kind(kind), quint8(records[1]), size, read<qint64>(records, 8),
                        read<qint64>(records, 16)};
}

QByteArray packBlock(QByteArrayView records, quint32 number)
{
    uLongf packed = compressBound(uLong(records.size()));
    QByteArray block(blockHeaderBytes + qsizetype(packed), Qt::Uninitialized);
    auto *target = reinterpret_cast<Bytef *>(block.data() + blockHeaderBytes);
    // The fastest: the feed must not wait for it, and JSON shrinks to a quarter even so.
    if (compress2(target, &packed, reinterpret_cast<const Bytef *>(records.data()), uLong(records.size()),
                  Z_BEST_SPEED) != Z_OK)
        return {};
    block.resize(blockHeaderBytes + qsizetype(packed));
    char *header = block.data();
    std::fill_n(header, blockHeaderBytes, char(0));
    std::copy(blockMagic.begin(), blockMagic.end(), header);
    write(header, 4, quint32(packed));
    write(header, 8, quint32(records.size()));
    write(header, 12, number);
    write(header, 16, sumOf(QByteArrayView(block).sliced(blockHeaderBytes)));
    write(header, 28, sumOf(QByteArrayView(block).first(28)));
    return block;
}

std::optional<BlockHeader> parseBlockHeader(QByteArrayView bytes)
{
    if (bytes.size() < blockHeaderBytes || !bytes.startsWith(blockMagic) ||
        read<quint32>(bytes, 28) != sumOf(bytes.first(28)))
        return {};
    const BlockHeader header{read<quint32>(bytes, 4), read<quint32>(bytes, 8), read<quint32>(bytes, 12),
                             read<quint32>(bytes, 16)};
    if (header.recordBytes > maxBlockBytes || header.packedBytes > compressBound(uLong(maxBlockBytes)))
        return {};
    return header;
}

bool unpackBlock(const BlockHeader &header, QByteArrayView packed, std::vector<char> &records)
{
    if (packed.size() != qsizetype(header.packedBytes) || sumOf(packed) != header.sum)
        return false;
    records.assign(std::size_t(header.recordBytes) + padding, 0);
    uLongf size = header.recordBytes;
    return uncompress(reinterpret_cast<Bytef *>(records.data()), &size,
                      reinterpret_cast<const Bytef *>(packed.data()), uLong(packed.size())) == Z_OK &&
           size == header.recordBytes;
}

QByteArray packNames(const QList<QByteArray> &names)
{
    QByteArray bytes;
    for (const QByteArray &name : names) {
        char size[4];
        write(size, 0, quint32(name.size()));
        bytes.append(size, 4).append(name);
    }
    return bytes;
}

QList<QByteArray> unpackNames(QByteArrayView bytes)
{
    QList<QByteArray> names;
    while (bytes.size() >= 4) {
        const auto size = qint64(read<quint32>(bytes, 0));
        if (size > bytes.size() - 4)
            break;
        names.append(bytes.sliced(4, qsizetype(size)).toByteArray());
        bytes = bytes.sliced(4 + qsizetype(size));
    }
    return names;
}

QByteArray masked(QByteArrayView message)
{
    const QJsonDocument document = QJsonDocument::fromJson(message.toByteArray());
    if (!document.isObject())
        return "***";
    return QJsonDocument(maskedValue(document.object(), false, 0).toObject()).toJson(QJsonDocument::Compact);
}

} // namespace tidemill::net::capture
