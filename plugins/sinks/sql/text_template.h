// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>
#include <tidemill/result.h>

#include <QString>

#include <vector>

namespace tidemill::sql {

// A text with fields of the record in it: "%{symbol} at %{price}". %{field:json} is the field as JSON lines
// have it, with quotes where needed, null where missing; %{field:isoformat} a time as Python prints it
// ("2024-08-08T23:54:15.308000+00:00"); %% a percent sign.
class TextTemplate
{
public:
    static Result<TextTemplate> parse(const QString &text);

    // Finds the fields. The error names the one that the record type does not have.
    Result<> resolve(const Schema &schema);

    void appendTo(QByteArray &out, const Batch &batch, qsizetype row) const;

private:
    enum class Format { Plain, Json, Isoformat };

    struct Part
    {
        QByteArray literal;   // in front of the field
        QByteArray fieldName; // empty: no field follows
        Format format = Format::Plain;
        const Field *field = nullptr;
    };

    std::vector<Part> m_parts;
};

// "2024-08-08 23:54:15.308000": what is below a microsecond is cut, not rounded into the next second.
void appendMicroseconds(QByteArray &out, Timestamp time, char separator);

} // namespace tidemill::sql
