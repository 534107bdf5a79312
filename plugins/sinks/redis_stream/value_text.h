// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/decimal.h>

#include <QByteArrayView>

#include <charconv>
#include <cstring>

namespace tidemill::redis_stream {

// One value as text, in memory that is used again and again.
class ValueText
{
public:
    QByteArrayView view() const
    {
        return m_isLong ? QByteArrayView(m_long) : QByteArrayView(m_short, m_size);
    }

    void clear()
    {
        m_size = 0;
        m_isLong = false;
    }

    // Only while it is short: numbers, times, names.
    void append(QByteArrayView text)
    {
        std::memcpy(m_short + m_size, text.data(), std::size_t(text.size()));
        m_size += text.size();
    }
    void appendNumber(auto number)
    {
        m_size = std::to_chars(m_short + m_size, m_short + sizeof m_short, number).ptr - m_short;
    }

    // As Decimal::toString() prints it.
    void appendDecimal(Decimal decimal)
    {
        const int places = -decimal.exponent;
        if (places < 0 || places > 18) { // null too
            setLong().append(decimal.toString());
            return;
        }
        char digits[24];
        const bool isNegative = decimal.mantissa < 0;
        const quint64 magnitude = isNegative ? 0 - quint64(decimal.mantissa) : quint64(decimal.mantissa);
        const auto count = int(std::to_chars(digits, digits + sizeof digits, magnitude).ptr - digits);
        char *at = m_short + m_size;
        if (isNegative)
            *at++ = '-';
        const int whole = count - places;
        if (whole > 0) {
            std::memcpy(at, digits, std::size_t(whole));
            at += whole;
        } else {
            *at++ = '0';
        }
        if (places > 0) {
            *at++ = '.';
            for (int zeros = -whole; zeros > 0; --zeros)
                *at++ = '0';
            const int from = whole > 0 ? whole : 0;
            std::memcpy(at, digits + from, std::size_t(count - from));
            at += count - from;
        }
        m_size = at - m_short;
    }

    // For what may be long: replaces all.
    QByteArray &setLong()
    {
        m_isLong = true;
        m_long.resize(0); // keeps its memory
        return m_long;
    }

private:
    char m_short[320];
    qsizetype m_size = 0;
    bool m_isLong = false;
    QByteArray m_long;
};

} // namespace tidemill::redis_stream
