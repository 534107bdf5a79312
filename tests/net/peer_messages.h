// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QList>

// What every program in peers/ sends; messages.js and peer.py have the same, byte for byte.
namespace peer {

struct Message
{
    QByteArray payload;
    bool text = true;
    friend bool operator==(const Message &, const Message &) = default;
};

inline QByteArray noise(quint32 seed, qsizetype size)
{
    QByteArray bytes(size, Qt::Uninitialized);
    quint32 state = seed;
    for (char &byte : bytes) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<char>(state >> 24);
    }
    return bytes;
}

// UTF-8 of that many bytes; begins with a character of three.
inline QByteArray text(quint32 seed, qsizetype size)
{
    QByteArray bytes = noise(seed, size);
    for (char &byte : bytes)
        byte = static_cast<char>(0x20 + (byte & 0x3f));
    if (size >= 3)
        bytes.replace(0, 3, "\xe2\x82\xac");
    return bytes;
}

// Texts and binary messages of all sizes in turn, then many that are much alike.
inline QList<Message> messages()
{
    QList<Message> all;
    quint32 seed = 0;
    for (const qsizetype size : {0, 1, 125, 126, 65'535, 65'536, 1'048'576}) {
        all.append({text(++seed, size), true});
        all.append({noise(++seed, size), false});
    }
    for (int i = 0; i < 200; ++i)
        all.append({R"({"e":"trade","s":"BTCUSDT","t":)" + QByteArray::number(1000 + i) + '}', true});
    return all;
}

} // namespace peer
