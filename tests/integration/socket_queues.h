// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QFile>
#include <QStringList>

// What waits in the kernel for the two ends of the connections to a local TCP port.

namespace tidemill::testing {

struct SocketQueues
{
    qint64 unread = 0; // bytes that the client has not read yet
    qint64 unsent = 0; // bytes that the server has written and the client's kernel has not taken yet
};

// Sums over all connections to that port of 127.0.0.1.
inline SocketQueues socketQueues(quint16 port)
{
    SocketQueues queues;
    const QByteArray end = ':' + QByteArray::number(port, 16).toUpper().rightJustified(4, '0');
    QFile table(QStringLiteral("/proc/net/tcp"));
    if (!table.open(QIODevice::ReadOnly))
        return queues;
    for (const QByteArray &line : table.readAll().split('\n')) {
        // sl, local address, remote address, state, tx_queue:rx_queue, ...
        const QByteArrayList fields = line.simplified().split(' ');
        if (fields.size() < 5 || fields[3] != "01") // established
            continue;
        const QByteArrayList sizes = fields[4].split(':');
        if (fields[2].endsWith(end))
            queues.unread += sizes.value(1).toLongLong(nullptr, 16);
        else if (fields[1].endsWith(end))
            queues.unsent += sizes.value(0).toLongLong(nullptr, 16);
    }
    return queues;
}

} // namespace tidemill::testing
