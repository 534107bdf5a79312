// SPDX-License-Identifier: Apache-2.0
#include "service.h"

#include "validation.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>
#include <QTimer>
#include <QUrlQuery>
#include <QUuid>

#include <zlib.h>

namespace tidemill::pulsestream {

namespace {

Response json(int status, const QJsonObject &body)
{
    return {.status = status, .body = QJsonDocument(body).toJson(QJsonDocument::Compact)};
}

// The form of every error that the service itself words.
Response refusal(int status, const QJsonValue &message)
{
    return json(status, {{"error", "HTTP_ERROR"}, {"message", message}, {"status_code", status}});
}

Response refusal400(const char *message, const QString &error)
{
    return refusal(400, QJsonObject{{"message", message}, {"errors", QJsonArray{error}}});
}

QString now()
{
    return QDateTime::currentDateTimeUtc().toString("yyyy-MM-ddTHH:mm:ss.zzz") + "000";
}

QJsonObject success(const QByteArray &id, const char *message)
{
    return {{"success", true},      {"event_id", QString::fromUtf8(id)},
            {"ingested_at", now()}, {"processing_status", "queued"},
            {"message", message},   {"errors", QJsonValue()}};
}

QJsonObject failure(const QString &id, const QString &message, const QString &error)
{
    return {{"success", false},     {"event_id", id},
            {"ingested_at", now()}, {"processing_status", "failed"},
            {"message", message},   {"errors", QJsonArray{error}}};
}

// PostgreSQL has no text with a NUL in it.
bool hasNul(const QJsonValue &value)
{
    if (value.isString())
        return value.toString().contains(QChar(0));
    if (value.isArray()) {
        const QJsonArray array = value.toArray();
        return std::any_of(array.begin(), array.end(), [](const QJsonValue &item) { return hasNul(item); });
    }
    const QJsonObject object = value.toObject();
    return std::any_of(object.begin(), object.end(), [](const QJsonValue &item) { return hasNul(item); });
}

QByteArray unpacked(const QByteArray &gzip)
{
    constexpr int gzipHeader = 16 + 15;
    z_stream stream{};
    if (inflateInit2(&stream, gzipHeader) != Z_OK)
        return {};
    QByteArray text(64 * 1024 * 1024, Qt::Uninitialized);
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(gzip.constData()));
    stream.avail_in = uInt(gzip.size());
    stream.next_out = reinterpret_cast<Bytef *>(text.data());
    stream.avail_out = uInt(text.size());
    const bool isWhole = inflate(&stream, Z_FINISH) == Z_STREAM_END;
    text.truncate(isWhole ? qsizetype(stream.total_out) : 0);
    inflateEnd(&stream);
    return text;
}

} // namespace

QList<QByteArray> Service::storedIds() const
{
    QList<QByteArray> ids;
    for (const Event &event : stored)
        ids.append(event.id);
    return ids;
}

Response Service::answer(const Request &request)
{
    static const QByteArray api = "/api/v1/ingestion";
    if (request.path == "/health")
        return json(200, {{"status", "healthy"}, {"version", "1.0.0"}, {"environment", "test"}});
    if (request.path == api + "/health")
        return json(200, {{"status", redisIsDown ? "unhealthy" : "healthy"}});
    if (request.path == api + "/events/" || request.path == api + "/events/batch/") {
        Response moved{.status = 307};
        moved.headers.emplace_back("location", request.path.chopped(1));
        return moved;
    }
    const bool isEvents = request.path == api + "/events";
    const bool isBatch = request.path == api + "/events/batch";
    if ((isEvents || isBatch) && request.method != "POST")
        return json(405, {{"detail", "Method Not Allowed"}});
    if (isEvents || isBatch)
        return ingest(request, isBatch);
    if (request.path != api + "/rate-limit" && request.path != api + "/events/search")
        return json(404, {{"detail", "Not Found"}});

    if (databaseIsDown || request.headers.value("x-api-key") != key)
        return refusal(401, request.headers.contains("x-api-key") ? "Invalid API key" : "API key required");
    if (request.path == api + "/events/search")
        return search(request.query);
    ++questions;
    if (!limitScript.empty()) {
        const Response scripted = limitScript.front();
        limitScript.pop_front();
        return scripted;
    }
    return rateLimit();
}

// The order of its checks is FastAPI's: the body's bytes, the key, the body's schema.
Response Service::ingest(const Request &request, bool isBatch)
{
    const bool isPacked = request.headers.contains("content-encoding");
    const QByteArray text = isPacked && takesGzip ? unpacked(request.body) : request.body;
    const bool isUtf8 = QString::fromUtf8(text).toUtf8() == text;
    if (!isUtf8 || (isPacked && !takesGzip))
        return json(400, {{"detail", "There was an error parsing the body"}});
    if (!request.headers.contains("x-api-key")) {
        Response response = refusal(401, "API key required");
        response.headers.emplace_back("www-authenticate", "APIKey");
        return response;
    }
    if (databaseIsDown || request.headers.value("x-api-key") != key)
        return refusal(401, "Invalid API key");

    const QJsonDocument document = QJsonDocument::fromJson(text);
    const int events = isBatch ? int(document["events"].toArray().size()) : 1;
    posts.append({request.path, request.headers, request.body, events});
    if (!script.empty()) {
        const Response scripted = script.front();
        script.pop_front();
        return scripted;
    }
    if (isBatch && document.isObject())
        return ingestBatch(document.object());
    if (isBatch)
        return refusal(500, "Batch event ingestion failed");
    if (request.headers.value("content-type").startsWith("application/json") && document.isNull())
        return json(422, {{"detail", QJsonArray{QJsonObject{{"type", "json_invalid"},
                                                            {"loc", QJsonArray{"body", 0}},
                                                            {"msg", "JSON decode error"},
                                                            {"input", QJsonObject()}}}}});
    const bool isJson = request.headers.value("content-type").startsWith("application/json");
    return ingestOne(isJson && document.isObject() ? QJsonValue(document.object())
                                                   : QJsonValue(QString::fromUtf8(text)));
}

Response Service::ingestOne(const QJsonValue &value)
{
    if (const QJsonArray wrong = schemaErrors(value); !wrong.isEmpty())
        return json(422, {{"detail", wrong}});
    const QJsonObject event = value.toObject();
    bool isValidation = false;
    if (const QString wrong = refusalOf(event, &isValidation); !wrong.isEmpty())
        return refusal400(isValidation ? "Event validation failed" : "Event ingestion failed", wrong);
    if (isPoison(event))
        return refusal(500, "Event ingestion failed");
    QByteArray id = event["event_id"].toString().toUtf8();
    if (id.isNull())
        id = QUuid::createUuid().toByteArray(QUuid::WithoutBraces);
    const bool isNew = m_rows.value(id) == 0;
    if (const QString wrong = isNew ? limitRefusal() : QString(); !wrong.isEmpty())
        return refusal400("Event ingestion failed", wrong);
    if (m_rows.value(id) > 1)
        return refusal400("Event ingestion failed", "Multiple rows were found when one or none was required");
    take(event, id, stall + latency);
    Response response = json(200, success(id, "Event ingested successfully"));
    if (uniqueViolations > 0) {
        --uniqueViolations;
        response = refusal400("Event ingestion failed",
                              "duplicate key value violates unique constraint \"events_external_id_key\"");
    }
    response.delay = stall + latency;
    return response;
}

Response Service::ingestBatch(const QJsonObject &body)
{
    const QJsonArray events = body["events"].toArray();
    if (events.isEmpty())
        return refusal(400, "Batch must contain at least one event");
    for (const QJsonValue &event : events) {
        if (!event.isObject() || isPoison(event))
            return refusal(500, "Batch event ingestion failed");
    }
    QJsonArray results;
    int succeeded = 0;
    std::chrono::milliseconds after = stall;
    for (const QJsonValue &event : events) {
        after += latency;
        const QJsonObject result = batchResult(event, after);
        succeeded += result["success"].toBool() ? 1 : 0;
        results.append(result);
    }
    const char *status = succeeded == events.size() ? "completed" : succeeded > 0 ? "partial" : "failed";
    Response response = json(200, {{"batch_id", QUuid::createUuid().toString(QUuid::WithoutBraces)},
                                   {"total_events", events.size()},
                                   {"successful_events", succeeded},
                                   {"failed_events", events.size() - succeeded},
                                   {"ingested_at", now()},
                                   {"results", results},
                                   {"processing_status", status}});
    response.delay = after;
    return response;
}

QJsonObject Service::batchResult(const QJsonValue &value, std::chrono::milliseconds after)
{
    const QJsonObject event = value.toObject();
    const QString named = event["event_id"].toString("unknown");
    if (const QJsonArray wrong = schemaErrors(value); !wrong.isEmpty()) {
        QString text = QStringLiteral("%1 validation error for EventIngestionRequest").arg(wrong.size());
        for (const QJsonValue &fault : wrong)
            text += '\n' + fault["loc"][1].toString() + "\n  " + fault["msg"].toString();
        return failure(named, "Validation error: " + text, text);
    }
    bool isValidation = false;
    if (const QString wrong = refusalOf(event, &isValidation); !wrong.isEmpty())
        return failure(named, isValidation ? "Event validation failed" : "Event ingestion failed", wrong);
    const QByteArray id =
        event.contains("event_id") ? named.toUtf8() : QUuid::createUuid().toByteArray(QUuid::WithoutBraces);
    if (m_rows.value(id) > 1)
        return failure(named, "Event ingestion failed",
                       "Multiple rows were found when one or none was required");
    if (const QString wrong = m_rows.value(id) == 0 ? limitRefusal() : QString(); !wrong.isEmpty())
        return failure(named, "Event ingestion failed", wrong);
    return take(event, id, after) ? success(id, "Event ingested successfully")
                                  : success(id, "Event already exists (idempotent)");
}

void Service::mark(const QByteArray &id, int &next, QSet<QByteArray> &ids)
{
    if (next == 0 || m_rows.contains(id) || m_processing.contains(id) || forbidden.contains(id) ||
        poisons.contains(id))
        return;
    --next;
    ids.insert(id);
}

bool Service::isPoison(const QJsonValue &event)
{
    const QByteArray id = event["event_id"].toString().toUtf8();
    mark(id, poisonNext, poisons);
    return hasNul(event) || poisons.contains(id);
}

QJsonArray Service::schemaErrors(const QJsonValue &event)
{
    QJsonArray wrong = validate(event);
    const QByteArray id = event["event_id"].toString().toUtf8();
    mark(id, forbidNext, forbidden);
    if (forbidden.contains(id))
        wrong.append(QJsonObject{{"type", "value_error"},
                                 {"loc", QJsonArray{"body", "event_id"}},
                                 {"msg", "Value error, forbidden by the test"},
                                 {"input", event}});
    return wrong;
}

// What it says about a timestamp; the schema has nothing against any of these.
QString Service::refusalOf(const QJsonObject &event, bool *isValidation) const
{
    *isValidation = false;
    const QJsonValue value = event["timestamp"];
    if (value.isUndefined() || value.isNull())
        return {};
    static const QRegularExpression naive(
        QStringLiteral("^(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d)(\\.\\d{1,9})?$"));
    const auto match = naive.match(value.toString());
    if (!match.hasMatch())
        return QStringLiteral("can't compare offset-naive and offset-aware datetimes");
    QDateTime time = QDateTime::fromString(match.captured(1), "yyyy-MM-ddTHH:mm:ss");
    time.setTimeSpec(Qt::UTC);
    if (time > QDateTime::currentDateTimeUtc().addSecs(300)) {
        *isValidation = true;
        return QStringLiteral("timestamp: Event timestamp cannot be more than 5 minutes in the future");
    }
    return {};
}

// Whether the event is a new one. It is stored a moment later: who posts it again before that makes two rows.
bool Service::take(const QJsonObject &event, const QByteArray &id, std::chrono::milliseconds after)
{
    if (m_rows.value(id) > 0) {
        ++repeated;
        return false;
    }
    ++m_inWindow;
    if (after.count() == 0) {
        ++m_rows[id];
        stored.append({id, event});
        return true;
    }
    if (++m_processing[id] > 1)
        simultaneous.insert(id);
    QTimer::singleShot(after, this, [this, event, id] {
        --m_processing[id];
        ++m_rows[id];
        stored.append({id, event});
    });
    return true;
}

QString Service::limitRefusal()
{
    const qint64 window = QDateTime::currentMSecsSinceEpoch() / windowMs;
    if (window != m_window)
        m_inWindow = 0;
    m_window = window;
    if (limit == 0 || redisIsDown || m_inWindow < limit)
        return {};
    return QStringLiteral("Rate limit exceeded. Limit: %1 events per %2 seconds")
        .arg(limit)
        .arg(windowMs / 1000);
}

Response Service::rateLimit() const
{
    const qint64 window = QDateTime::currentMSecsSinceEpoch() / windowMs;
    const int used = window == m_window ? m_inWindow : 0;
    return json(200, {{"limit", 100}, // whatever the tenant's is
                      {"remaining", std::max(0, 100 - used)},
                      {"reset_time", (window + 1) * windowMs / 1000},
                      {"window_size_seconds", windowMs / 1000},
                      {"exceeded", limit > 0 && used >= limit}});
}

Response Service::search(const QByteArray &text) const
{
    const QUrlQuery query(QString::fromUtf8(text));
    const qsizetype wanted = std::clamp(query.queryItemValue("limit").toInt(), 1, 1000);
    QJsonArray found;
    for (auto event = stored.rbegin(); event != stored.rend() && found.size() < wanted; ++event)
        found.append(QJsonObject{{"external_id", QString::fromUtf8(event->id)},
                                 {"timestamp", event->event["timestamp"].toString() + "+00:00"},
                                 {"payload", QJsonObject{{"custom_data", event->event["payload"]}}}});
    return json(200, {{"events", found}});
}

} // namespace tidemill::pulsestream
