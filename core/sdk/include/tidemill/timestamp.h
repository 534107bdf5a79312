// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/export.h>

#include <QByteArray>
#include <QByteArrayView>

#include <chrono>
#include <compare>
#include <limits>
#include <optional>

namespace tidemill {

// A point in time: integer nanoseconds since 1970-01-01T00:00:00Z, no leap seconds. Zero means "not known".
struct Timestamp
{
    qint64 ns = 0;

    static Timestamp now()
    {
        using namespace std::chrono;
        return {duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count()};
    }
    static constexpr Timestamp fromSeconds(qint64 s) { return {s * 1'000'000'000}; }
    static constexpr Timestamp fromMilliseconds(qint64 ms) { return {ms * 1'000'000}; }
    static constexpr Timestamp fromMicroseconds(qint64 us) { return {us * 1'000}; }

    // Tells seconds, milliseconds, microseconds and nanoseconds apart by magnitude, as exchanges mix them
    // (all of 1973..5138 in seconds, likewise the others). Nothing for a value that fits none of them.
    TIDEMILL_SDK_EXPORT static std::optional<Timestamp> fromEpoch(qint64 value);

    // RFC 3339, any number of fraction digits up to 9 significant ones (more are cut), 'Z' or an offset.
    // Nothing if the text is anything else, a day that does not exist included.
    TIDEMILL_SDK_EXPORT static std::optional<Timestamp> parse(QByteArrayView text);

    // "2024-08-08T23:54:15.308Z"; the fraction has 0, 3, 6 or 9 digits, the fewest that lose nothing.
    TIDEMILL_SDK_EXPORT QByteArray toString() const;

    constexpr bool isNull() const { return ns == 0; }
    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes a 0 behind <=> for a pointer
    friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
    // Both stay at the end of their range instead of overflowing: an exchange may send any time.
    friend constexpr std::chrono::nanoseconds operator-(Timestamp a, Timestamp b)
    {
        qint64 difference = 0;
        if (__builtin_sub_overflow(a.ns, b.ns, &difference))
            difference =
                a.ns < b.ns ? std::numeric_limits<qint64>::min() : std::numeric_limits<qint64>::max();
        return std::chrono::nanoseconds(difference);
    }
    friend constexpr Timestamp operator+(Timestamp a, std::chrono::nanoseconds b)
    {
        qint64 sum = 0;
        if (__builtin_add_overflow(a.ns, b.count(), &sum))
            sum = a.ns < 0 ? std::numeric_limits<qint64>::min() : std::numeric_limits<qint64>::max();
        return {sum};
    }
};

} // namespace tidemill
