// SPDX-License-Identifier: Apache-2.0
#include "zip_file.h"

#include "crc32.h"

#include <QtEndian>

namespace tidemill::exchange {

namespace {

constexpr quint16 version = 20; // of the format that is needed
constexpr quint16 deflated = 8;
constexpr quint16 dosDate = (2024 - 1980) << 9 | 1 << 5 | 1;

template<typename Integer>
void put(QByteArray &bytes, Integer value)
{
    char raw[sizeof value];
    qToLittleEndian(value, raw);
    bytes.append(raw, sizeof value);
}

// What the local header and the directory say alike.
QByteArray description(const QByteArray &name, const QByteArray &content, const QByteArray &packed)
{
    QByteArray bytes;
    put(bytes, version);
    put(bytes, quint16(0)); // flags
    put(bytes, deflated);
    put(bytes, quint16(0)); // time of day
    put(bytes, dosDate);
    put(bytes, crc32(content));
    put(bytes, quint32(packed.size()));
    put(bytes, quint32(content.size()));
    put(bytes, quint16(name.size()));
    put(bytes, quint16(0)); // extra field
    return bytes;
}

} // namespace

QByteArray zipFile(const QByteArray &name, const QByteArray &content)
{
    // Qt's length (4 bytes), zlib's header (2) and checksum (4) are not part of a raw deflate stream.
    const QByteArray compressed = qCompress(content);
    const QByteArray packed = compressed.mid(6, compressed.size() - 10);
    const QByteArray about = description(name, content, packed);

    QByteArray zip("PK\3\4", 4);
    zip += about + name + packed;
    const quint32 directoryAt = quint32(zip.size());
    zip += QByteArray("PK\1\2", 4);
    put(zip, version); // it was made by
    zip += about;
    put(zip, quint16(0)); // comment
    put(zip, quint16(0)); // disk
    put(zip, quint16(0)); // internal attributes
    put(zip, quint32(0)); // external attributes
    put(zip, quint32(0)); // where the local header is
    zip += name;
    const quint32 directorySize = quint32(zip.size()) - directoryAt;
    zip += QByteArray("PK\5\6", 4);
    put(zip, quint32(0)); // disks
    put(zip, quint16(1)); // entries on this disk
    put(zip, quint16(1)); // entries
    put(zip, directorySize);
    put(zip, directoryAt);
    put(zip, quint16(0)); // comment
    return zip;
}

} // namespace tidemill::exchange
