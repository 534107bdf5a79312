// SPDX-License-Identifier: Apache-2.0
#include "fuzz.h"

#include <tidemill/decimal.h>
#include <tidemill/json.h>
#include <tidemill/timestamp.h>

#include <QJsonArray>
#include <QJsonDocument>

// Whatever text stands for a number, a time or a name: what is read prints as a text that reads and prints
// the same, no digit changes, and what we write as JSON is JSON that another parser reads as the same text.

using namespace tidemill;
using namespace tidemill::fuzz;

namespace {

void checkDecimal(QByteArrayView text)
{
    const auto number = Decimal::parse(text);
    if (!number)
        return;
    require(!number->isNull(), "a text is a number or nothing");
    const QByteArray printed = number->toString();
    const auto again = Decimal::parse(printed);
    require(again && *again == *number, "a number reads back as itself");
    require(again->toString() == printed, "a number prints the same again");
    require(number->normalized() == *number, "zeros at the end are worth nothing");
    const auto mantissa = number->mantissaAt(number->exponent);
    require(mantissa == number->mantissa, "a number has its own mantissa");
    if (text.size() <= 18 && !text.contains('e') && !text.contains('E') && !text.startsWith('0') &&
        !text.startsWith('-'))
        require(printed == text, "a plain number prints as it was written");
}

void checkTimestamp(QByteArrayView text)
{
    const auto time = Timestamp::parse(text);
    if (!time)
        return;
    const QByteArray printed = time->toString();
    if (printed.startsWith("1677") ||
        printed.startsWith("2262")) // an offset led out of the years that are read
        return;
    const auto again = Timestamp::parse(printed);
    require(again && *again == *time, "a time reads back as itself");
}

void checkJson(QByteArrayView text)
{
    QByteArray json;
    appendJsonString(json, text);
    const QJsonDocument read = QJsonDocument::fromJson('[' + json + ']');
    require(read.array().size() == 1 && read.array()[0].isString(), "what we write is JSON");
    if (text.isValidUtf8())
        require(read.array()[0].toString().toUtf8() == text, "and means the same");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArrayView text = view(data, size);
    checkDecimal(text);
    checkTimestamp(text);
    checkJson(text);
    if (size >= sizeof(qint64)) {
        qint64 number = 0;
        std::memcpy(&number, data, sizeof number);
        (void)Timestamp::fromEpoch(number);
        (void)Timestamp{number}.toString(); // any time can be printed, if not read again: years before 1678
        const Decimal odd{number, qint8(data[size - 1])};
        require(odd.toString().isEmpty() == odd.isNull(), "every number prints");
    }
    return 0;
}
