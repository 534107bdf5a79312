// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http_server.h"
#include "settings.h"

#include <QByteArrayList>

namespace tidemill::exchange {

// /api/v3/exchangeInfo for `symbols`, whose base and quote assets are guessed from their names, and for as
// many listed ones as the settings say.
HttpResponse exchangeInfoAnswer(const HttpRequest &request, const QByteArrayList &symbols, qint64 nowUs,
                                const Settings &settings);

} // namespace tidemill::exchange
