// SPDX-License-Identifier: Apache-2.0
#include "event_form.h"

#include "event_text.h"

#include <tidemill/json.h>

#include <QCryptographicHash>

#include <algorithm>

namespace tidemill::pulsestream {

namespace {

// The service's limits, in characters.
constexpr qsizetype maxId = 100;
constexpr qsizetype maxTitle = 200;
constexpr qsizetype maxMessage = 2000;
constexpr qsizetype maxService = 100;

// Rows of one key are one event only if a second one says nothing new.
QByteArray recordId(const Batch &batch, qsizetype row)
{
    const Schema &schema = batch.schema();
    QByteArray id = schema.name().toByteArray();
    for (const int index : schema.key())
        id += '-' + fieldText(batch, row, schema.fields()[std::size_t(index)]);
    if (schema.kind() == RecordKind::Event)
        return id;
    QCryptographicHash content(QCryptographicHash::Sha1);
    for (const Field &field : schema.fields()) {
        // How it reached us does not make it another state.
        if (field.name != "ts_recv" && field.name != "provenance")
            content.addData(fieldText(batch, row, field) + '\n');
    }
    return id + '-' + content.result().toHex().left(16);
}

void appendMember(QByteArray &out, const char *name, const QString &value)
{
    appendJsonString(out.append(",\"").append(name).append("\":"), value.toUtf8());
}

} // namespace

OptionErrors EventForm::prepare(const EventOptions &options)
{
    OptionErrors errors;
    m_options = options;
    m_texts = {};
    m_resolved.clear();
    const auto parse = [&errors](const QString &path, const QString &text, Place place) {
        auto parsed = TextTemplate::parse(text);
        if (!parsed)
            errors.append({path, parsed.error().message, {}, place});
        return parsed ? std::optional<TextTemplate>(*std::move(parsed)) : std::nullopt;
    };
    if (!options.eventId.isEmpty())
        m_texts.eventId = parse(QStringLiteral("event_id"), options.eventId, {});
    if (!options.title.isEmpty())
        m_texts.title = parse(QStringLiteral("title"), options.title, {});
    if (!options.message.isEmpty())
        m_texts.message = parse(QStringLiteral("message"), options.message, {});
    const auto bound = [&errors](const char *path, const QString &text, qsizetype atMost) {
        if (clipped(text.toUtf8(), atMost).size() < text.toUtf8().size())
            errors.append({QLatin1String(path),
                           QStringLiteral("the service takes at most %1 characters").arg(atMost),
                           {},
                           {}});
    };
    bound("service", options.service, maxService);
    bound("endpoint", options.endpoint, 500);
    bound("method", options.method, 10);
    bound("version", options.version, 20);
    bound("environment", options.environment, 50);
    if (!options.tags.isNull() && options.tags.kind() != Value::Kind::Map)
        errors.append(
            {QStringLiteral("tags"),
             QStringLiteral("expected a map from names to texts, got %1").arg(options.tags.description()),
             {},
             options.tags.place()});
    for (const Value::Member &member : options.tags.members()) {
        const QString path = QStringLiteral("tags.") + member.key;
        if (member.value.kind() != Value::Kind::Scalar)
            errors.append({path,
                           QStringLiteral("expected a text, got %1").arg(member.value.description()),
                           {},
                           member.value.place()});
        else if (auto text = parse(path, member.value.text(), member.value.place()))
            m_texts.tags.push_back({member.key.toUtf8(), *std::move(text)});
    }
    return errors;
}

Result<> EventForm::accepts(const Schema &schema)
{
    if (m_resolved.contains(&schema))
        return {};
    Texts texts = m_texts;
    for (std::optional<TextTemplate> *text : {&texts.eventId, &texts.title, &texts.message}) {
        if (!*text)
            continue;
        if (const auto resolved = (*text)->resolve(schema); !resolved)
            return resolved.error();
    }
    for (Tag &tag : texts.tags) {
        if (const auto resolved = tag.text.resolve(schema); !resolved)
            return resolved.error();
    }
    m_resolved.insert(&schema, texts);
    return {};
}

QByteArray EventForm::textOf(const TextTemplate &text, const Batch &batch, qsizetype row)
{
    QByteArray out;
    text.appendTo(out, batch, row);
    return out;
}

QByteArray EventForm::id(const Batch &batch, qsizetype row)
{
    const Texts &texts = m_resolved[&batch.schema()];
    QByteArray id;
    if (texts.eventId)
        id = textOf(*texts.eventId, batch, row);
    else if (batch.is<Ticker>())
        id = tickerId(batch.rows<Ticker>()[std::size_t(row)]);
    else
        id = recordId(batch, row);
    // Cut short, two ids could become one.
    return id.isEmpty() || clipped(id, maxId).size() < id.size() ? stableUuid(id) : id;
}

void EventForm::append(QByteArray &out, const Batch &batch, qsizetype row, const QByteArray &id)
{
    const Texts &texts = m_resolved[&batch.schema()];
    const Ticker *ticker = batch.is<Ticker>() ? &batch.rows<Ticker>()[std::size_t(row)] : nullptr;
    const QByteArray type = batch.schema().name().toByteArray();
    const QByteArray venue = venueOf(symbolField(batch, row, "exchange"));
    QByteArray symbol = symbolField(batch, row, "symbol");
    if (symbol.isEmpty())
        symbol = "UNKNOWN";

    QByteArray title = texts.title ? textOf(*texts.title, batch, row)
                       : ticker    ? tickerTitle(*ticker)
                                   : venue + ' ' + type + ": " + symbol;
    if (title.isEmpty())
        title = type;
    const QByteArray message = texts.message ? textOf(*texts.message, batch, row)
                               : ticker      ? tickerMessage(*ticker, m_options.absentNumbers)
                                             : type + " of " + symbol;
    out.append("{\"event_type\":\"").append(m_options.eventType.toUtf8());
    appendJsonString(out.append("\",\"event_id\":"), id);
    appendJsonString(out.append(",\"title\":"), clipped(title, maxTitle));
    appendJsonString(out.append(",\"message\":"), clipped(message, maxMessage));
    appendMember(out, "severity", m_options.severity);

    const QByteArray service = m_options.service.isEmpty() ? venue + "-exchange" : m_options.service.toUtf8();
    appendJsonString(out.append(",\"source\":{\"service\":"), clipped(service, maxService));
    appendMember(out, "endpoint",
                 m_options.endpoint.isEmpty() ? QLatin1Char('/') + QString::fromUtf8(type)
                                              : m_options.endpoint);
    appendMember(out, "method", m_options.method);
    appendMember(out, "version", m_options.version);
    appendMember(out, "environment", m_options.environment);
    appendContext(out.append('}'), batch, row, id, symbol, venue);

    out.append(R"(,"metrics":{"response_time_ms":0.0,"status_code":200)");
    if (ticker)
        appendTickerMetrics(out, *ticker, m_options.absentNumbers);
    out.append(R"(},"payload":)");
    if (ticker)
        appendTickerPayload(out, batch, row, m_options.absentNumbers);
    else
        appendJson(out, batch, row);

    // What the bridge called itself, for those who select by it.
    const QByteArray system = ticker ? venue + "-websocket-bridge" : QByteArray("tidemill");
    appendJsonString(out.append(R"(,"metadata":{"source_system":)"), system);
    out.append(R"(,"bridge_version":"1.0.0","processed_at":")");
    appendMicroseconds(out, Timestamp::now(), 'T');
    out.append(ticker && venue == "coinbase" ? R"(","no_coinbase_auth_required":true},"timestamp":")"
                                             : R"("},"timestamp":")");

    // Without a zone: with one the service refuses the event.
    Timestamp time = timeField(batch, row, "ts_event");
    if (time.isNull())
        time = timeField(batch, row, "ts_recv");
    appendMicroseconds(out, time.isNull() ? Timestamp::now() : time, 'T');
    out.append("\"}");
}

void EventForm::appendContext(QByteArray &out, const Batch &batch, qsizetype row, const QByteArray &id,
                              const QByteArray &symbol, const QByteArray &venue)
{
    std::vector<std::pair<QByteArray, QByteArray>> tags{
        {"product_id", symbol}, {"source", venue}, {"channel", batch.schema().name().toByteArray()}};
    for (const Tag &tag : m_resolved[&batch.schema()].tags) {
        const auto known = std::find_if(tags.begin(), tags.end(),
                                        [&tag](const auto &entry) { return entry.first == tag.name; });
        const QByteArray text = textOf(tag.text, batch, row);
        if (known == tags.end())
            tags.emplace_back(tag.name, text);
        else
            known->second = text;
    }
    appendJsonString(out.append(",\"context\":{\"request_id\":"), id).append(",\"tags\":{");
    for (const auto &[name, text] : tags) {
        appendJsonString(out, name).append(':');
        appendJsonString(out, text).append(',');
    }
    out.back() = '}';
    out.append('}');
}

} // namespace tidemill::pulsestream
