// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/export.h>

#include <QByteArray>
#include <QByteArrayView>
#include <QList>
#include <QPair>

#include <optional>

namespace tidemill::net {

// Header fields of HTTP in the order in which they were sent; a name may occur more than once.
using HeaderList = QList<QPair<QByteArray, QByteArray>>;

// The value of the first field of that name, in any case; nothing if there is none.
TIDEMILL_NET_EXPORT std::optional<QByteArray> findHeader(const HeaderList &headers, QByteArrayView name);

} // namespace tidemill::net
