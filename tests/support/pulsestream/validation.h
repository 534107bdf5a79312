// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QJsonArray>
#include <QJsonValue>

namespace tidemill::pulsestream {

// What the service's schema says against an event, as pydantic 2 words it: the list that stands in "detail"
// of a 422. Empty: nothing.
QJsonArray validate(const QJsonValue &event);

} // namespace tidemill::pulsestream
