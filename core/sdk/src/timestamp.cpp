// SPDX-License-Identifier: Apache-2.0
#include <tidemill/timestamp.h>

#include <array>
#include <cstdio>

namespace tidemill {

namespace {

// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, by counting from 1 March so that the
// leap day is the last of its year (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
constexpr qint64 daysFromCivil(qint64 year, unsigned month, unsigned day)
{
    year -= month <= 2;
    const qint64 era = (year >= 0 ? year : year - 399) / 400;
    const auto yearOfEra = unsigned(year - era * 400);
    const unsigned dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const unsigned dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
    return era * 146097 + qint64(dayOfEra) - 719468;
}

struct Civil
{
    qint64 year;
    unsigned month;
    unsigned day;
};

constexpr Civil civilFromDays(qint64 days)
{
    days += 719468;
    const qint64 era = (days >= 0 ? days : days - 146096) / 146097;
    const auto dayOfEra = unsigned(days - era * 146097);
    const unsigned yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
    const unsigned dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
    const unsigned monthIndex = (5 * dayOfYear + 2) / 153;
    const unsigned month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9;
    return {qint64(yearOfEra) + era * 400 + (month <= 2), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1};
}

constexpr unsigned daysInMonth(unsigned year, unsigned month)
{
    constexpr std::array<unsigned, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

// Reads fixed-width pieces and remembers whether all of them fitted.
class Scanner
{
public:
    explicit Scanner(QByteArrayView text) : m_at(text.begin()), m_end(text.end()) {}

    unsigned digits(int count)
    {
        unsigned value = 0;
        for (; count > 0; --count)
            value = value * 10 + digit();
        return value;
    }
    void literal(char expected) { m_ok = m_ok && m_at != m_end && *m_at++ == expected; }
    bool skip(char wanted)
    {
        if (m_at == m_end || *m_at != wanted)
            return false;
        ++m_at;
        return true;
    }
    bool atDigit() const { return m_at != m_end && *m_at >= '0' && *m_at <= '9'; }
    unsigned digit()
    {
        m_ok = m_ok && atDigit();
        return m_ok ? unsigned(*m_at++ - '0') : 0;
    }
    bool ok() const { return m_ok; }
    bool atEnd() const { return m_at == m_end; }

private:
    const char *m_at;
    const char *m_end;
    bool m_ok = true;
};

// The end of 2261, and about as far back: whole years, and room to round from there.
constexpr qint64 farthestNs = 9'214'646'399'999'999'999;

} // namespace

std::optional<Timestamp> Timestamp::fromEpoch(qint64 value)
{
    const qint64 magnitude = value < 0 ? -(value + 1) : value;
    if (magnitude < 100'000'000) // before 1973 in any unit: a count of something else
        return std::nullopt;
    qint64 unit = 1;
    if (magnitude < 100'000'000'000)
        unit = 1'000'000'000;
    else if (magnitude < 100'000'000'000'000)
        unit = 1'000'000;
    else if (magnitude < 100'000'000'000'000'000)
        unit = 1'000;
    return magnitude <= farthestNs / unit ? std::optional(Timestamp{value * unit}) : std::nullopt;
}

std::optional<Timestamp> Timestamp::parse(QByteArrayView text)
{
    Scanner scan(text);
    const unsigned year = scan.digits(4);
    scan.literal('-');
    const unsigned month = scan.digits(2);
    scan.literal('-');
    const unsigned day = scan.digits(2);
    if (!scan.skip('T') && !scan.skip('t'))
        scan.literal(' ');
    const unsigned hour = scan.digits(2);
    scan.literal(':');
    const unsigned minute = scan.digits(2);
    scan.literal(':');
    const unsigned second = scan.digits(2);
    qint64 fraction = 0;
    if (scan.skip('.')) {
        int count = 0;
        for (; scan.ok() && scan.atDigit(); ++count) { // after a mistake nothing moves on
            const unsigned digit = scan.digit();
            if (count < 9)
                fraction = fraction * 10 + digit;
        }
        if (count == 0)
            return std::nullopt;
        for (; count < 9; ++count)
            fraction *= 10;
    }
    qint64 offsetMinutes = 0;
    if (!scan.skip('Z') && !scan.skip('z')) {
        const bool west = scan.skip('-');
        if (!west)
            scan.literal('+');
        const unsigned offsetHour = scan.digits(2);
        scan.literal(':');
        const unsigned offsetMinute = scan.digits(2);
        if (offsetHour > 23 || offsetMinute > 59)
            return std::nullopt;
        offsetMinutes = (west ? -1 : 1) * qint64(offsetHour * 60 + offsetMinute);
    }
    if (!scan.ok() || !scan.atEnd() || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) ||
        hour > 23 || minute > 59 || second > 60 || year < 1678 ||
        year > 2261) // what 64 bits of nanoseconds hold
        return std::nullopt;
    const qint64 seconds = daysFromCivil(year, month, day) * 86'400 + hour * 3600 + minute * 60 + second;
    return Timestamp{(seconds - offsetMinutes * 60) * 1'000'000'000 + fraction};
}

QByteArray Timestamp::toString() const
{
    qint64 seconds = ns / 1'000'000'000;
    qint64 fraction = ns % 1'000'000'000;
    if (fraction < 0) {
        fraction += 1'000'000'000;
        --seconds;
    }
    const qint64 days = seconds >= 0 ? seconds / 86'400 : -((86'399 - seconds) / 86'400);
    const auto ofDay = int(seconds - days * 86'400);
    const Civil date = civilFromDays(days);

    std::array<char, 48> text;
    int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", int(date.year),
                             date.month, date.day, ofDay / 3600, ofDay / 60 % 60, ofDay % 60);
    if (fraction != 0) {
        int width = 9;
        for (; width > 3 && fraction % 1000 == 0; width -= 3)
            fraction /= 1000;
        size += std::snprintf(text.data() + size, text.size() - size_t(size), ".%0*d", width, int(fraction));
    }
    return QByteArray(text.data(), size).append('Z');
}

} // namespace tidemill
