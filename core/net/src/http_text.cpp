// SPDX-License-Identifier: Apache-2.0
#include "http_text.h"

#include <tidemill/net/headers.h>

#include <QLocale>
#include <QTimeZone>

#include <algorithm>

namespace tidemill::net {

using std::chrono::milliseconds;

std::optional<QByteArray> findHeader(const HeaderList &headers, QByteArrayView name)
{
    const auto found = std::find_if(headers.begin(), headers.end(), [name](const auto &header) {
        return header.first.compare(name, Qt::CaseInsensitive) == 0;
    });
    return found == headers.end() ? std::optional<QByteArray>() : found->second;
}

static bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

bool isHttpToken(QByteArrayView text)
{
    return !text.isEmpty() && std::all_of(text.begin(), text.end(), [](char c) {
        const bool isLetter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return isLetter || isDigit(c) || (c != '\0' && QByteArrayView("!#$%&'*+-.^_`|~").contains(c));
    });
}

bool isHttpValue(QByteArrayView text)
{
    return std::none_of(text.begin(), text.end(), [](char c) {
        const uchar byte = static_cast<uchar>(c);
        return (byte < 0x20 && c != '\t') || byte == 0x7f;
    });
}

std::optional<milliseconds> parseRetryAfter(QByteArrayView value, const QDateTime &now)
{
    constexpr milliseconds longest = std::chrono::hours(7 * 24);
    const QByteArray text = value.toByteArray().trimmed();
    if (text.isEmpty())
        return {};
    if (std::all_of(text.begin(), text.end(), isDigit)) {
        bool fits = false;
        const qint64 seconds = text.toLongLong(&fits);
        return fits && seconds < longest / std::chrono::seconds(1) ? std::chrono::seconds(seconds) : longest;
    }
    // Day and time apart: parsed as one, a local time that summer time skips would be moved.
    const QString date = QString::fromLatin1(text);
    const QDateTime when(QLocale::c().toDate(date.left(16), QStringLiteral("ddd, dd MMM yyyy")),
                         QTime::fromString(date.mid(17, 8), QStringLiteral("hh:mm:ss")), QTimeZone::utc());
    if (!when.isValid() || date.size() != 29 || !date.endsWith(QLatin1String(" GMT")))
        return {};
    return std::clamp(milliseconds(now.msecsTo(when)), milliseconds(0), longest);
}

} // namespace tidemill::net
