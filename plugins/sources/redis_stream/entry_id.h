// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QByteArrayView>

#include <charconv>
#include <compare>
#include <optional>

namespace tidemill::redis_stream {

// The id of an entry: "1700000000123-4".
struct EntryId
{
    quint64 ms = 0;
    quint64 sequence = 0;

    // "5" alone means 5-0, as Redis takes it.
    static std::optional<EntryId> parse(QByteArrayView text)
    {
        EntryId id;
        const char *const end = text.data() + text.size();
        const auto ms = std::from_chars(text.data(), end, id.ms);
        if (ms.ec != std::errc() || (ms.ptr != end && *ms.ptr != '-'))
            return {};
        if (ms.ptr == end)
            return id;
        const auto sequence = std::from_chars(ms.ptr + 1, end, id.sequence);
        if (sequence.ec != std::errc() || sequence.ptr != end)
            return {};
        return id;
    }
    QByteArray toText() const { return QByteArray::number(ms) + '-' + QByteArray::number(sequence); }

    friend constexpr auto operator<=>(const EntryId &, const EntryId &) = default;
};

} // namespace tidemill::redis_stream
