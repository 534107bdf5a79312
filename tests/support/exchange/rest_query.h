// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "history.h"
#include "http_server.h"
#include "market_json.h"

#include <optional>

namespace tidemill::exchange {

// {"code":..,"msg":".."} with HTTP 400.
HttpResponse apiError(int code, const QByteArray &text, int status = 400);

HttpResponse jsonAnswer(const QByteArray &body);

// Reads the parameters of one request; the first one that is wrong leaves its answer in `error`.
class RestQuery
{
public:
    explicit RestQuery(const HttpRequest &request) : m_request(request) {}

    std::optional<HttpResponse> error;

    QByteArray symbol(const QByteArrayList &known);
    int limit(int fallback, int maximum);
    std::optional<qint64> integer(const char *name);
    // Milliseconds or microseconds, told apart by their size; the answer is in microseconds.
    std::optional<qint64> time(const char *name, bool endOfUnit);
    // Of the answer, by header.
    TimeUnit unit() const;

private:
    void fail(int code, const QByteArray &text);

    const HttpRequest &m_request;
};

} // namespace tidemill::exchange
