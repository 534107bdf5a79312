// SPDX-License-Identifier: Apache-2.0
#include "validation.h"

#include <QJsonObject>
#include <QStringList>

#include <cmath>

namespace tidemill::pulsestream {

namespace {

class Checker
{
public:
    void add(const char *type, const QStringList &path, const QString &message, const QJsonValue &input)
    {
        QJsonArray loc{"body"};
        for (const QString &part : path)
            loc.append(part);
        found.append(QJsonObject{{"type", type}, {"loc", loc}, {"msg", message}, {"input", input}});
    }

    // A text of so many characters; null and absent are fine unless it is required.
    void text(const QJsonObject &object, const QStringList &path, int atLeast, int atMost, bool required)
    {
        const QJsonValue value = object.value(path.last());
        if (value.isUndefined()) {
            if (required)
                add("missing", path, "Field required", object);
            return;
        }
        if (value.isNull() && !required)
            return;
        if (!value.isString()) {
            add("string_type", path, "Input should be a valid string", value);
            return;
        }
        const qsizetype length = value.toString().toUcs4().size();
        if (length < atLeast)
            add("string_too_short", path,
                QStringLiteral("String should have at least %1 character").arg(atLeast), value);
        if (length > atMost)
            add("string_too_long", path,
                QStringLiteral("String should have at most %1 characters").arg(atMost), value);
    }

    void word(const QJsonObject &object, const QString &name, const QStringList &words, bool required)
    {
        const QJsonValue value = object.value(name);
        if (value.isUndefined() && !required)
            return;
        if (value.isUndefined())
            add("missing", {name}, "Field required", object);
        else if (!words.contains(value.toString()))
            add("enum", {name}, "Input should be '" + words.join("', '") + "'", value);
    }

    void number(const QJsonObject &object, const QStringList &path, double atLeast, double atMost, bool whole)
    {
        const QJsonValue value = object.value(path.last());
        if (value.isUndefined())
            add("missing", path, "Field required", object);
        else if (!value.isDouble() || (whole && value.toDouble() != std::floor(value.toDouble())))
            add(whole ? "int_type" : "float_type", path,
                whole ? "Input should be a valid integer" : "Input should be a valid number", value);
        else if (value.toDouble() < atLeast)
            add("greater_than_equal", path,
                QStringLiteral("Input should be greater than or equal to %1").arg(atLeast), value);
        else if (value.toDouble() > atMost)
            add("less_than_equal", path,
                QStringLiteral("Input should be less than or equal to %1").arg(atMost), value);
    }

    // An object, or nothing at all if it is not required. Null if there is nothing to look into.
    QJsonObject object(const QJsonObject &parent, const QStringList &path, bool required)
    {
        const QJsonValue value = parent.value(path.last());
        if (value.isUndefined() && required)
            add("missing", path, "Field required", parent);
        else if (!value.isUndefined() && !value.isNull() && !value.isObject())
            add("model_type", path, "Input should be a valid dictionary or object", value);
        return value.toObject();
    }

    QJsonArray found;
};

void checkSource(Checker &check, const QJsonObject &event)
{
    const QJsonObject source = check.object(event, {"source"}, true);
    if (!event.value("source").isObject())
        return;
    check.text(source, {"source", "service"}, 1, 100, true);
    check.text(source, {"source", "endpoint"}, 1, 500, true);
    check.text(source, {"source", "method"}, 1, 10, true);
    check.text(source, {"source", "version"}, 0, 20, false);
    check.text(source, {"source", "environment"}, 0, 50, false);
}

void checkContext(Checker &check, const QJsonObject &event)
{
    const QJsonObject context = check.object(event, {"context"}, false);
    check.text(context, {"context", "user_agent"}, 0, 500, false);
    for (const char *name : {"user_id", "session_id", "request_id", "ip_address"})
        check.text(context, {"context", name}, 0, 1000000, false);
    const QJsonObject tags = check.object(context, {"context", "tags"}, false);
    for (auto tag = tags.begin(); tag != tags.end(); ++tag)
        check.text(tags, {"context", "tags", tag.key()}, 0, 1000000, true);
}

} // namespace

QJsonArray validate(const QJsonValue &value)
{
    Checker check;
    if (!value.isObject()) {
        check.add("model_attributes_type", {},
                  "Input should be a valid dictionary or object to extract fields from", value);
        return check.found;
    }
    const QJsonObject event = value.toObject();
    check.word(event, "event_type",
               {"api_call", "user_action", "system_event", "error_event", "custom_event"}, true);
    check.text(event, {"event_id"}, 0, 100, false);
    check.text(event, {"title"}, 1, 200, true);
    check.text(event, {"message"}, 0, 2000, false);
    check.word(event, "severity", {"info", "warning", "error", "critical"}, false);
    checkSource(check, event);
    checkContext(check, event);
    const QJsonObject metrics = check.object(event, {"metrics"}, false);
    if (event.value("metrics").isObject()) {
        check.number(metrics, {"metrics", "response_time_ms"}, 0, 1e300, false);
        check.number(metrics, {"metrics", "status_code"}, 100, 599, true);
    }
    check.object(event, {"metadata"}, false);
    return check.found;
}

} // namespace tidemill::pulsestream
