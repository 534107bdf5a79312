// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/rest_client.h>

namespace tidemill::net {

inline QByteArray reply(int status, const QByteArray &body, const QByteArray &headers = {})
{
    return "HTTP/1.1 " + QByteArray::number(status) + " X\r\nConnection: close\r\n" + headers +
           "Content-Length: " + QByteArray::number(body.size()) + "\r\n\r\n" + body;
}

inline RestSettings quickSettings()
{
    RestSettings settings;
    settings.backoff = {.initial = std::chrono::milliseconds(10), .max = std::chrono::milliseconds(50)};
    settings.limits.blockingStatuses = {429, 418};
    settings.limits.usedWeightHeader = "X-MBX-USED-WEIGHT-1M";
    return settings;
}

} // namespace tidemill::net
