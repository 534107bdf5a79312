// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ticker_event.h"

#include <tidemill/option.h>
#include <tidemill/text_template.h>

#include <QHash>

#include <optional>
#include <vector>

namespace tidemill::pulsestream {

// What an operator can say about the events; an empty text is "as usual".
struct EventOptions
{
    QString eventType = QStringLiteral("custom_event");
    QString severity = QStringLiteral("info");
    QString eventId;
    QString title;
    QString message;
    QString service;
    QString endpoint;
    QString method = QStringLiteral("WEBSOCKET");
    QString version = QStringLiteral("v1");
    QString environment = QStringLiteral("production");
    Value tags;
    AbsentNumbers absentNumbers = AbsentNumbers::Zero;
};

// Makes an event of the service's schema of a record: of a ticker as the bridge did that it replaces, of any
// other record with all its fields as payload.
class EventForm
{
public:
    // Once, before anything else.
    OptionErrors prepare(const EventOptions &options);

    // Whether records of that type have the fields that the texts name.
    Result<> accepts(const Schema &schema);

    // Of a row that accepts() has accepted; the same for the same record, however often it comes.
    QByteArray id(const Batch &batch, qsizetype row);
    // Appends the event as JSON; `id` is what id() says.
    void append(QByteArray &out, const Batch &batch, qsizetype row, const QByteArray &id);

private:
    struct Tag
    {
        QByteArray name;
        TextTemplate text;
    };

    // The operator's texts, with the fields of one record type found.
    struct Texts
    {
        std::optional<TextTemplate> eventId;
        std::optional<TextTemplate> title;
        std::optional<TextTemplate> message;
        std::vector<Tag> tags;
    };

    static QByteArray textOf(const TextTemplate &text, const Batch &batch, qsizetype row);
    void appendContext(QByteArray &out, const Batch &batch, qsizetype row, const QByteArray &id,
                       const QByteArray &symbol, const QByteArray &venue);

    EventOptions m_options;
    Texts m_texts;
    QHash<const Schema *, Texts> m_resolved;
};

} // namespace tidemill::pulsestream
