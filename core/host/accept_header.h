// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>

#include <initializer_list>

namespace tidemill::host {

// Which of the media types offered a client likes best. The first offer is the default: it is taken when
// nothing is asked for, when anything will do, and when nothing offered is asked for by name. Among equally
// liked ones the client's order decides.
QByteArrayView preferredType(const QByteArray &accept, std::initializer_list<QByteArrayView> offers);

} // namespace tidemill::host
