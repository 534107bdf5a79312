// SPDX-License-Identifier: Apache-2.0
#include "wire_text.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>

namespace tidemill::exchange {

namespace {

constexpr int decimalsOfMarket = 8;

QByteArray secondText(qint64 us)
{
    return QDateTime::fromSecsSinceEpoch(us / 1'000'000, Qt::UTC)
        .toString(QStringLiteral("yyyy-MM-ddTHH:mm:ss"))
        .toLatin1();
}

QByteArray fractionText(qint64 us)
{
    return '.' + QByteArray::number(us % 1'000'000).rightJustified(6, '0');
}

// "1.500" -> "1.5", "2.000" -> "2"
QByteArray withoutTrailingZeros(QByteArray text)
{
    while (text.endsWith('0'))
        text.chop(1);
    if (text.endsWith('.'))
        text.chop(1);
    return text;
}

} // namespace

QByteArray isoTime(qint64 us)
{
    return secondText(us) + withoutTrailingZeros(fractionText(us)) + 'Z';
}

QByteArray isoTimeFull(qint64 us)
{
    return secondText(us) + fractionText(us) + 'Z';
}

QByteArray isoNow()
{
    return isoTimeFull(QDateTime::currentMSecsSinceEpoch() * 1000);
}

QByteArray shortText(qint64 value)
{
    return withoutTrailingZeros(Number{value, decimalsOfMarket}.text());
}

QByteArray fixedText(qint64 value, int decimals)
{
    for (int excess = decimalsOfMarket; excess > decimals; --excess)
        value /= 10;
    return Number{value, decimals}.text();
}

QByteArray jsonString(const QByteArray &text)
{
    // Qt has no function for one string alone.
    const QByteArray list = QJsonDocument(QJsonArray{QString::fromUtf8(text)}).toJson(QJsonDocument::Compact);
    return list.sliced(1, list.size() - 2);
}

QByteArray jsonList(const QList<QByteArray> &texts)
{
    QByteArrayList quoted;
    for (const QByteArray &text : texts)
        quoted.append(jsonString(text));
    return '[' + quoted.join(',') + ']';
}

} // namespace tidemill::exchange
