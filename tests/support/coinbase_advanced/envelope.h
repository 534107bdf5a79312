// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>

namespace tidemill::exchange::coinbase_advanced {

// {"channel":..,"timestamp":..,"sequence_num":0,"events":[<event>]}; the number is the connection's, see
// numbered().
QByteArray envelope(const QByteArray &channel, qint64 timeUs, const QByteArray &event);

// `frame` with this sequence number, and with client_id if it is wanted.
QByteArray numbered(const QByteArray &frame, qint64 sequence, bool clientId);

} // namespace tidemill::exchange::coinbase_advanced
