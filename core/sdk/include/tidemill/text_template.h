// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>
#include <tidemill/export.h>
#include <tidemill/result.h>

#include <QString>

#include <vector>

namespace tidemill {

// For sinks whose form of output an operator can choose. A text with fields of the record in it: "%{symbol}
// at
// %{price}". %{field:json} is the field as JSON lines have it, with quotes where needed, null where missing.
// A time is %{field:isoformat} as Python prints it ("2024-08-08T23:54:15.308000+00:00"), %{field:naive} as
// Python prints one that knows no zone, always in UTC ("2024-08-08T23:54:15.308000", without a fraction if it
// is zero), %{field:epoch} whole seconds since 1970. %% is a percent sign.
class TIDEMILL_SDK_EXPORT TextTemplate
{
public:
    static Result<TextTemplate> parse(const QString &text);

    // Finds the fields. The error names the one that the record type does not have.
    Result<> resolve(const Schema &schema);

    void appendTo(QByteArray &out, const Batch &batch, qsizetype row) const;

    // It is nothing but one %{field:json} or %{field:epoch}, so that what it gives is JSON by itself.
    bool isJsonValue() const;

private:
    enum class Format { Plain, Json, Isoformat, Naive, Epoch };

    struct Part
    {
        QByteArray literal;   // in front of the field
        QByteArray fieldName; // empty: no field follows
        Format format = Format::Plain;
        const Field *field = nullptr;
    };

    static void appendTime(QByteArray &out, Timestamp time, Format format);

    std::vector<Part> m_parts;
};

// "2024-08-08 23:54:15.308000": what is below a microsecond is cut, not rounded into the next second.
TIDEMILL_SDK_EXPORT void appendMicroseconds(QByteArray &out, Timestamp time, char separator);

} // namespace tidemill
