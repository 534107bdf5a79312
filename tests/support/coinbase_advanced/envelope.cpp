// SPDX-License-Identifier: Apache-2.0
#include "coinbase_advanced/envelope.h"

#include "exchange/wire_text.h"

namespace tidemill::exchange::coinbase_advanced {

QByteArray envelope(const QByteArray &channel, qint64 timeUs, const QByteArray &event)
{
    QByteArray time = isoTimeFull(timeUs);
    time.insert(time.size() - 1, "123"); // nanoseconds, which the market's clock does not have
    return "{\"channel\":\"" + channel + "\",\"timestamp\":\"" + time + "\",\"sequence_num\":0,\"events\":[" +
           event + "]}";
}

QByteArray numbered(const QByteArray &frame, qint64 sequence, bool clientId)
{
    static const QByteArray name = "\"sequence_num\":";
    static const QByteArray timestamp = "\"timestamp\":";
    const qsizetype at = frame.indexOf(name);
    if (at < 0)
        return frame;
    qsizetype end = at + name.size();
    while (end < frame.size() && frame[end] >= '0' && frame[end] <= '9')
        ++end;
    QByteArray head = frame.left(at + name.size());
    if (clientId && !head.contains("\"client_id\""))
        head.insert(head.indexOf(timestamp), "\"client_id\":\"\",");
    return head + QByteArray::number(sequence) + frame.mid(end);
}

} // namespace tidemill::exchange::coinbase_advanced
