// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>

namespace tidemill::host {

// A page that shows what /stats and /health say, each second. It asks nobody but the server it came from.
QByteArray livePage();
// The Content-Security-Policy it is served with: only its own script and style, known by their hashes.
QByteArray livePagePolicy();

} // namespace tidemill::host
