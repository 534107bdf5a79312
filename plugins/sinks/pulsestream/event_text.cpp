// SPDX-License-Identifier: Apache-2.0
#include "event_text.h"

#include <tidemill/decimal_math.h>

#include <QUuid>

namespace tidemill::pulsestream {

QByteArray venueOf(QByteArrayView exchange)
{
    const QByteArray name = exchange.toByteArray();
    const qsizetype end = name.indexOf('_');
    const QByteArray venue = end < 0 ? name : name.left(end);
    return venue.isEmpty() ? QByteArray("unknown") : venue;
}

QByteArray clipped(const QByteArray &utf8, qsizetype characters)
{
    for (qsizetype at = 0; at < utf8.size(); ++at) {
        const bool begins = (static_cast<uchar>(utf8[at]) & 0xc0) != 0x80;
        if (begins && characters-- == 0)
            return utf8.left(at);
    }
    return utf8;
}

QByteArray stableUuid(QByteArrayView text)
{
    // Of our own making; it only has to stay what it is.
    static const QUuid space(QStringLiteral("{6f0c2f52-3c1b-4d0e-9a57-74696465a111}"));
    return QUuid::createUuidV5(space, text.toByteArray()).toByteArray(QUuid::WithoutBraces);
}

QByteArray twoDecimals(const Decimal &value)
{
    constexpr int kept = -2;
    constexpr int mostDigits = 19; // of a mantissa
    if (value.exponent >= 0)
        return value.toString() + ".00";
    if (value.exponent == -1)
        return value.toString() + '0';
    if (value.exponent == kept)
        return value.toString();
    const int surplus = kept - value.exponent;
    if (surplus > mostDigits)
        return "0.00";
    Int128 unit = 1;
    for (int i = 0; i < surplus; ++i)
        unit *= 10;
    const Int128 magnitude = value.mantissa < 0 ? -Int128(value.mantissa) : Int128(value.mantissa);
    Int128 rounded = magnitude / unit;
    const Int128 rest = 2 * (magnitude % unit);
    if (rest > unit || (rest == unit && rounded % 2 == 1))
        ++rounded;
    const qint64 cents = qint64(value.mantissa < 0 ? -rounded : rounded);
    return Decimal{cents, kept}.toString();
}

Decimal difference(const Decimal &a, const Decimal &b)
{
    DecimalSum sum;
    sum.add(a);
    sum.subtract(b);
    DecimalSum one;
    one.add({1, 0});
    return DecimalSum::quotient(sum, one).value_or(Decimal::null());
}

QByteArray symbolField(const Batch &batch, qsizetype row, const char *name)
{
    const int index = batch.schema().indexOf(name);
    if (index < 0)
        return {};
    const Field &field = batch.schema().fields()[std::size_t(index)];
    if (field.type != FieldType::Symbol)
        return {};
    return batch.value<Symbol>(row, field).name().toByteArray();
}

Timestamp timeField(const Batch &batch, qsizetype row, const char *name)
{
    const int index = batch.schema().indexOf(name);
    if (index < 0)
        return {};
    const Field &field = batch.schema().fields()[std::size_t(index)];
    return field.type == FieldType::Timestamp ? batch.value<Timestamp>(row, field) : Timestamp{};
}

} // namespace tidemill::pulsestream
