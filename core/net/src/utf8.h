// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArrayView>

namespace tidemill::net {

// As RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF, nothing cut short.
bool isValidUtf8(QByteArrayView text);

} // namespace tidemill::net
