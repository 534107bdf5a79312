// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArrayView>
#include <QDateTime>

#include <chrono>
#include <optional>

namespace tidemill::net {

// A token of RFC 9110: what a header may be called.
bool isHttpToken(QByteArrayView text);

// Free of control characters, so that it cannot begin a line of its own.
bool isHttpValue(QByteArrayView text);

// Retry-After: whole seconds, or a date such as "Sun, 06 Nov 1994 08:49:37 GMT" (in the past: zero).
// Nothing for any other text. At most a week, whatever a peer says.
std::optional<std::chrono::milliseconds> parseRetryAfter(QByteArrayView value, const QDateTime &now);

} // namespace tidemill::net
