// SPDX-License-Identifier: Apache-2.0
#include "control.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>

#include <algorithm>

namespace tidemill::exchange {

namespace {

struct Problem
{
    int code;
    QByteArray text;
};

QByteArray quoted(const QByteArray &text)
{
    // Qt has no function for one string alone.
    const QByteArray list = QJsonDocument(QJsonArray{QString::fromUtf8(text)}).toJson(QJsonDocument::Compact);
    return list.sliced(1, list.size() - 2);
}

QByteArray idText(const QJsonValue &id)
{
    if (id.isString())
        return quoted(id.toString().toUtf8());
    return id.isDouble() ? QByteArray::number(id.toInteger()) : QByteArray("null");
}

bool isValidId(const QJsonValue &id)
{
    static const QRegularExpression alphanumeric(QStringLiteral("^[A-Za-z0-9-]{1,36}$"));
    if (id.isString())
        return alphanumeric.match(id.toString()).hasMatch();
    if (id.isDouble()) // fractions have no integer value; the two defaults tell that from a real 0 or 1
        return id.toInteger(0) == id.toInteger(1);
    return id.isNull() || id.isUndefined();
}

bool isStreamName(const QByteArray &name)
{
    const bool printable =
        std::all_of(name.begin(), name.end(), [](char c) { return quint8(c) > ' ' && c != '/'; });
    return printable && name.indexOf('@') >= (name.startsWith('!') ? 2 : 1) && !name.endsWith('@');
}

std::optional<Problem> changeStreams(const QJsonArray &params, bool subscribe, const ControlRules &rules,
                                     ControlState &state)
{
    QByteArrayList streams = state.streams;
    for (const QJsonValue &param : params) {
        const QByteArray name = param.toString().toUtf8();
        if (!isStreamName(name))
            return Problem{2, "Invalid request: invalid stream"};
        if (!subscribe)
            streams.removeAll(name);
        else if (!streams.contains(name))
            streams.append(name);
    }
    if (streams.size() > rules.maxStreams)
        return Problem{4, "Too many subscriptions"};
    state.streams = streams;
    return std::nullopt;
}

std::optional<Problem> property(const QJsonArray &params, bool set, ControlState &state, QByteArray &result)
{
    if (params.size() > (set ? 2 : 1))
        return Problem{2, "Invalid request: too many parameters"};
    if (!params.at(0).isString())
        return Problem{2, "Invalid request: property name must be a string"};
    if (params.at(0).toString() != u"combined")
        return Problem{0, "Unknown property"};
    if (!set)
        result = state.combined ? "true" : "false";
    else if (!params.at(1).isBool())
        return Problem{1, "Invalid value type: expected Boolean"};
    else
        state.combined = params.at(1).toBool();
    return std::nullopt;
}

std::optional<Problem> execute(const QJsonObject &request, const QByteArray &message, ControlState &state,
                               const ControlRules &rules, QByteArray &result)
{
    const QByteArray place = " at line 1 column ";
    if (!request[u"method"].isString())
        return Problem{2, "Invalid request: missing field `method`" + place +
                              QByteArray::number(message.size())};
    if (!isValidId(request[u"id"]))
        return Problem{2, "Invalid request: request ID must be an unsigned integer"};
    const QByteArray method = request[u"method"].toString().toUtf8();
    const QJsonArray params = request[u"params"].toArray();
    if (method == "SUBSCRIBE" || method == "UNSUBSCRIBE") {
        if (!request[u"params"].isArray())
            return Problem{2, "Invalid request: missing field `params`" + place +
                                  QByteArray::number(message.size())};
        return changeStreams(params, method == "SUBSCRIBE", rules, state);
    }
    if (method == "SET_PROPERTY" || method == "GET_PROPERTY")
        return property(params, method == "SET_PROPERTY", state, result);
    if (method == "LIST_SUBSCRIPTIONS") {
        QJsonArray names;
        for (const QByteArray &stream : std::as_const(state.streams))
            names.append(QString::fromUtf8(stream));
        result = QJsonDocument(names).toJson(QJsonDocument::Compact);
        return std::nullopt;
    }
    const qsizetype column = message.indexOf(method) + method.size() + 1;
    return Problem{2,
                   "Invalid request: unknown variant `" + method +
                       "`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, "
                       "`GET_PROPERTY`" +
                       place + QByteArray::number(column)};
}

} // namespace

std::optional<Target> Target::parse(const QByteArray &target)
{
    const qsizetype mark = target.indexOf('?');
    const QByteArray path = target.left(mark < 0 ? target.size() : mark);
    Target parsed;
    QByteArray streams;
    if (path.startsWith("/ws/"))
        streams = path.mid(4);
    else if (path == "/stream")
        parsed.combined = true;
    else if (path != "/ws")
        return std::nullopt;
    const QByteArrayList items = mark < 0 ? QByteArrayList() : target.mid(mark + 1).split('&');
    for (const QByteArray &item : items) {
        if (item.startsWith("streams=") && parsed.combined)
            streams = item.mid(8);
        else if (item == "timeUnit=MICROSECOND" || item == "timeUnit=microsecond")
            parsed.microseconds = true;
    }
    for (const QByteArray &name : streams.split('/')) {
        const QByteArray decoded = QByteArray::fromPercentEncoding(name);
        if (!decoded.isEmpty() && !parsed.streams.contains(decoded))
            parsed.streams.append(decoded);
    }
    return parsed;
}

QByteArray answerControl(const QByteArray &message, ControlState &state, const ControlRules &rules,
                         QStringList *remarks)
{
    QJsonParseError parse{};
    const QJsonDocument document = QJsonDocument::fromJson(message, &parse);
    const QJsonObject request = document.object();
    const QByteArrayList before = state.streams;
    QByteArray result = "null";
    std::optional<Problem> problem;
    if (parse.error != QJsonParseError::NoError)
        problem =
            Problem{3, "Invalid JSON: expected value at line 1 column " + QByteArray::number(parse.offset)};
    else
        problem = execute(request, message, state, rules, result);
    const QByteArray id = idText(request[u"id"]);
    if (!problem) {
        for (const QByteArray &stream : std::as_const(state.streams)) {
            const QString remark = before.contains(stream) ? QString() : remarkOnStream(stream, state.sbe);
            if (!remark.isEmpty())
                remarks->append(remark);
        }
        return "{\"result\":" + result + ",\"id\":" + id + '}';
    }
    remarks->append(QString::fromUtf8("control message refused: " + problem->text));
    const QByteArray error =
        "\"code\":" + QByteArray::number(problem->code) + ",\"msg\":" + quoted(problem->text);
    if (rules.wrappedErrors)
        return "{\"error\":{" + error + "},\"id\":" + id + '}';
    return '{' + error + (request.contains(u"id") ? ",\"id\":" + id : QByteArray()) + '}';
}

QString remarkOnStream(const QByteArray &stream, bool sbe)
{
    static const QRegularExpression knownBinary(QStringLiteral("^(trade|bestBidAsk|depth|depth20)$"));
    static const QRegularExpression known(QStringLiteral(
        "^(trade|aggTrade|blockTrade|bookTicker|avgPrice|referencePrice|ticker|miniTicker|ticker_(1h|4h|1d)|"
        "depth(5|10|20)?(@100ms|@1000ms)?|kline_(1s|1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w|1M)(@\\+08:"
        "00)?)$"));
    const QString name = QString::fromUtf8(stream);
    if (name.startsWith(u'!'))
        return {};
    const qsizetype at = name.indexOf(u'@');
    if (name.left(at) != name.left(at).toLower())
        return QStringLiteral("stream '%1' has an upper-case symbol and will never deliver").arg(name);
    if (!(sbe ? knownBinary : known).match(name.mid(at + 1)).hasMatch())
        return QStringLiteral("stream '%1' is of no known kind and will never deliver").arg(name);
    return {};
}

} // namespace tidemill::exchange
