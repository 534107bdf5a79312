// SPDX-License-Identifier: Apache-2.0
#include "answer.h"

#include <tidemill/timestamp.h>

#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>
#include <cmath>

namespace tidemill::pulsestream {

using std::chrono::milliseconds;

namespace {

constexpr qsizetype maxMessage = 400; // a 422 repeats the whole event

// All that an error says, whatever its form: {"message": "..."}, {"message": {"message", "errors"}},
// {"detail": ...}.
void collectTexts(const QJsonValue &value, QStringList &texts)
{
    if (value.isString()) {
        texts.append(value.toString());
    } else if (value.isArray()) {
        for (const QJsonValue &item : value.toArray())
            collectTexts(item, texts);
    } else if (value.isObject()) {
        const QJsonObject object = value.toObject();
        if (object.contains(QLatin1String("msg"))) { // one fault of a schema
            QStringList path;
            for (const QJsonValue &part : object[QLatin1String("loc")].toArray())
                path.append(part.toVariant().toString());
            texts.append(path.join(QLatin1Char('.')) + QStringLiteral(": ") +
                         object[QLatin1String("msg")].toString());
            return;
        }
        for (const char *name : {"message", "errors", "detail"})
            collectTexts(object[QLatin1String(name)], texts);
    }
}

QString textOf(const QJsonObject &object)
{
    QStringList texts;
    collectTexts(object, texts);
    texts.removeDuplicates();
    return texts.join(QStringLiteral("; ")).left(maxMessage);
}

bool containsAny(const QString &text, std::initializer_list<const char *> words)
{
    return std::any_of(words.begin(), words.end(), [&text](const char *word) {
        return text.contains(QLatin1String(word), Qt::CaseInsensitive);
    });
}

QString shortened(const QJsonValue &value)
{
    constexpr int maxQuote = 100;
    const QByteArray text = QJsonDocument(QJsonArray{value}).toJson(QJsonDocument::Compact);
    return QString::fromUtf8(text.mid(1, text.size() - 2)).left(maxQuote);
}

// What a failure of one event means. The service has one status for all of them: its words decide.
Fate failureOf(const QString &text)
{
    if (text.contains(QLatin1String("Rate limit exceeded")))
        return {Fate::Kind::Limited, text};
    // It is stored, even more than once.
    if (text.contains(QLatin1String("Multiple rows were found")))
        return {Fate::Kind::Known, text};
    if (containsAny(text, {"unique constraint", "UniqueViolation"}))
        return {Fate::Kind::Raced, text};
    // A fault of an event repeats what is in the event, where any word may stand.
    const bool isOfEvent = text.startsWith(QLatin1String("Validation error")) ||
                           text.startsWith(QLatin1String("Event validation failed"));
    if (!isOfEvent && containsAny(text, {"OperationalError", "InterfaceError", "connection", "timeout",
                                         "timed out", "deadlock", "QueuePool", "shutting down"}))
        return {Fate::Kind::Unavailable, text};
    return {Fate::Kind::Refused, text};
}

// Only what it calls a success is one. Whoever answers in its place (a proxy, a page of maintenance) or with
// something unheard of has stored nothing.
Fate fateOf(const QJsonValue &value)
{
    const QJsonObject result = value.toObject();
    const QString text = textOf(result);
    const QJsonValue success = result[QLatin1String("success")];
    if (!success.isBool())
        return {Fate::Kind::Unavailable,
                QStringLiteral("expected a result that says 'success', got %1").arg(shortened(value))};
    if (!success.toBool())
        return failureOf(text.isEmpty() ? QStringLiteral("refused without a reason") : text);
    return {text.contains(QLatin1String("already exists")) ? Fate::Kind::Known : Fate::Kind::Stored, text};
}

Answer unavailable(const QString &message)
{
    return {Answer::Kind::Unavailable, {}, message, {}};
}

Answer readSuccess(const net::HttpReply &reply, bool isBatch, std::size_t events)
{
    const QJsonDocument document = QJsonDocument::fromJson(reply.body);
    Answer answer{Answer::Kind::Fates, {}, {}, {}};
    if (!isBatch) {
        if (!document.isObject())
            return unavailable(QStringLiteral("expected a result as JSON, got something else"));
        answer.fates.push_back(fateOf(document.object()));
        return answer;
    }
    const QJsonArray results = document.object()[QLatin1String("results")].toArray();
    // By position: an event with a fault in it may be called "unknown".
    if (std::size_t(results.size()) != events)
        return unavailable(QStringLiteral("expected %1 results, one for each event, got %2")
                               .arg(events)
                               .arg(results.size()));
    for (const QJsonValue &result : results)
        answer.fates.push_back(fateOf(result));
    return answer;
}

// A refusal of the whole request, 400 or 422: of one event, its fate; of many, nobody's.
Answer readRefusal(const QString &text, std::size_t events, Packing packing)
{
    const Fate fate = failureOf(text);
    if (fate.kind == Fate::Kind::Limited)
        return {Answer::Kind::Fates, std::vector<Fate>(events, fate), text, {}};
    const bool isUnread = text.contains(QLatin1String("error parsing the body"));
    if (packing == Packing::Untried || (packing == Packing::Proven && isUnread))
        return {Answer::Kind::Unpacked, {}, text, {}};
    if (fate.kind == Fate::Kind::Unavailable)
        return unavailable(text);
    if (events == 1)
        return {Answer::Kind::Fates, {fate}, text, {}};
    return {Answer::Kind::TooMuch, {}, text, {}};
}

} // namespace

Answer readAnswer(const net::HttpReply &reply, bool isBatch, std::size_t events, Packing packing)
{
    if (reply.error)
        return unavailable(reply.error->message);
    if (reply.status >= 200 && reply.status <= 202)
        return readSuccess(reply, isBatch, events);

    const QJsonDocument document = QJsonDocument::fromJson(reply.body);
    const QString said = textOf(document.object());
    const QString text = QStringLiteral("HTTP %1").arg(reply.status) +
                         (said.isEmpty() ? QString() : QStringLiteral(": ") + said);
    switch (reply.status) {
    case 400:
    case 422:
        return readRefusal(said.isEmpty() ? text : said, events, packing);
    case 413:
        if (events == 1)
            return {Answer::Kind::Fates, {{Fate::Kind::Refused, text}}, text, {}};
        return {Answer::Kind::TooMuch, {}, text, {}};
    case 415:
        if (packing == Packing::Plain)
            return unavailable(text);
        return {Answer::Kind::Unpacked, {}, text, {}};
    case 429:
        return {Answer::Kind::Later, {}, text, reply.retryAfter};
    case 500:
        return {Answer::Kind::Broken, {}, text, {}};
    case 503:
        return {
            reply.retryAfter ? Answer::Kind::Later : Answer::Kind::Unavailable, {}, text, reply.retryAfter};
    case 401:
        // Never a reason to drop anything.
        return unavailable(text +
                           QStringLiteral(" (is 'key' right? It also says so while its database is away)"));
    default:
        break;
    }
    if (reply.status >= 300 && reply.status < 400) {
        const QByteArray target = net::findHeader(reply.headers, "Location").value_or("another address");
        return unavailable(text +
                           QStringLiteral(": it is at %1; redirects are not followed, 'url' must be right")
                               .arg(QString::fromUtf8(target.left(200))));
    }
    return unavailable(text);
}

milliseconds timeToNextWindow(const net::HttpReply &reply, const QDateTime &now)
{
    constexpr milliseconds margin{200}; // clocks differ, and a window may begin a little late
    constexpr qint64 usualWindow = 60;
    constexpr qint64 longestWindow = 86'400;
    const QJsonObject limit =
        reply.isSuccess() ? QJsonDocument::fromJson(reply.body).object() : QJsonObject();
    const qint64 said = limit[QLatin1String("window_size_seconds")].toInteger(usualWindow);
    const milliseconds window = std::chrono::seconds(std::clamp<qint64>(said, 1, longestWindow));

    const QJsonValue reset = limit[QLatin1String("reset_time")];
    std::optional<Timestamp> time;
    if (reset.isDouble() && std::abs(reset.toDouble()) < 1e17)
        time = Timestamp::fromEpoch(qint64(std::ceil(reset.toDouble())));
    else if (const QByteArray text = reset.toString().toUtf8(); !text.isEmpty())
        time =
            text.endsWith('Z') || text.contains('+') ? Timestamp::parse(text) : Timestamp::parse(text + 'Z');
    if (time) {
        const milliseconds left{time->ns / 1'000'000 - now.toMSecsSinceEpoch()};
        if (left > milliseconds(0) && left <= window)
            return left + margin;
    }
    return window - milliseconds(now.toMSecsSinceEpoch() % window.count()) + margin;
}

} // namespace tidemill::pulsestream
