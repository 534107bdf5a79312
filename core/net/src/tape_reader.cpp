// SPDX-License-Identifier: Apache-2.0
#include "tape_reader.h"

#include <algorithm>
#include <cstring>

namespace tidemill::net {

namespace {

constexpr std::size_t chunkBytes = std::size_t(1024) * 1024;
constexpr qsizetype secondsDigits = 10; // to 2286, in nanoseconds a qint64
constexpr qsizetype fractionDigits = 9;

std::optional<qint64> digits(QByteArrayView text)
{
    qint64 value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return {};
        value = value * 10 + (c - '0');
    }
    return value;
}

// The field up to the next tab; what follows remains.
std::optional<QByteArrayView> cutField(QByteArrayView &line)
{
    const qsizetype tab = line.indexOf('\t');
    if (tab < 0)
        return {};
    const QByteArrayView field = line.first(tab);
    line = line.sliced(tab + 1);
    return field;
}

bool isKind(QByteArrayView kind)
{
    return kind == "connect" || kind == "send" || kind == "recv" || kind == "http";
}

} // namespace

std::optional<Timestamp> parseTapeTime(QByteArrayView text)
{
    const qsizetype point = text.indexOf('.');
    const QByteArrayView whole = point < 0 ? text : text.first(point);
    const QByteArrayView fraction = point < 0 ? QByteArrayView() : text.sliced(point + 1);
    if (whole.isEmpty() || whole.size() > secondsDigits || fraction.size() > fractionDigits)
        return {};
    const auto seconds = digits(whole);
    const auto part = digits(fraction);
    if (!seconds || !part || *seconds > 9'223'372'035)
        return {};
    qint64 ns = *part;
    for (qsizetype zeros = fraction.size(); zeros < fractionDigits; ++zeros)
        ns *= 10;
    return Timestamp{*seconds * 1'000'000'000 + ns};
}

bool TapeReader::isTape(QByteArrayView beginOfFile)
{
    const qsizetype end = beginOfFile.indexOf('\n');
    QByteArrayView line = end < 0 ? beginOfFile : beginOfFile.first(end);
    const auto time = cutField(line);
    const auto kind = time ? cutField(line) : std::nullopt;
    return kind && isKind(*kind) && (*time == "-" || parseTapeTime(*time));
}

// The buffer keeps `padding` bytes behind what was read, as frames promise.
std::optional<QByteArrayView> TapeReader::readLine()
{
    std::size_t searched = m_begin;
    for (;;) {
        const void *found =
            m_end > searched ? std::memchr(m_buffer.data() + searched, '\n', m_end - searched) : nullptr;
        if (found) {
            const char *begin = m_buffer.data() + m_begin;
            const QByteArrayView line(begin, static_cast<const char *>(found) - begin);
            m_begin += std::size_t(line.size()) + 1;
            if (!std::exchange(m_isSkipping, false))
                return line;
            searched = m_begin;
            continue;
        }
        if (m_end - m_begin > std::size_t(maxLine)) {
            m_badLines += !std::exchange(m_isSkipping, true);
            m_begin = m_end;
        }
        if (m_begin > 0) // an empty buffer has no address either
            std::memmove(m_buffer.data(), m_buffer.data() + m_begin, m_end - m_begin);
        m_end -= m_begin;
        m_begin = 0;
        searched = m_end;
        if (m_buffer.size() < m_end + chunkBytes + capture::padding)
            m_buffer.resize(m_end + chunkBytes + capture::padding);
        const qint64 count = m_device.read(m_buffer.data() + m_end, qint64(chunkBytes));
        if (count <= 0) {
            const QByteArrayView rest(m_buffer.data(), qsizetype(m_end));
            m_begin = m_end;
            if (rest.isEmpty() || m_isSkipping)
                return {};
            return rest;
        }
        m_end += std::size_t(count);
    }
}

bool TapeReader::next(RecordedEvent &event)
{
    if (const qint64 connection = std::exchange(m_toOpen, 0)) {
        event = {.kind = RecordedEvent::Kind::Opened, .time = m_time, .connection = connection};
        return true;
    }
    while (const auto line = readLine()) {
        event = {};
        if (take(line->endsWith('\r') ? line->chopped(1) : *line, event))
            return true;
    }
    return false;
}

bool TapeReader::take(QByteArrayView line, RecordedEvent &event)
{
    if (line.isEmpty())
        return false;
    const auto time = cutField(line);
    const auto kind = time ? cutField(line) : std::nullopt;
    const auto name = kind ? cutField(line) : std::nullopt;
    const auto parsed = time && *time != "-" ? parseTapeTime(*time) : std::optional(m_time);
    if (!name || !isKind(*kind) || !parsed) {
        ++m_badLines;
        return false;
    }
    m_time = event.time = *parsed;
    if (*kind == "connect") {
        open(*name, event);
        return true;
    }
    if (*kind == "http") {
        const auto url = cutField(line);
        event.kind = RecordedEvent::Kind::Answered;
        event.url = url.value_or(line);
        event.body = url ? line : QByteArrayView();
        return true;
    }
    if (*kind != "recv")
        return false;
    // A recording may begin when the connection is made already.
    auto connection = m_connections.find(name->toByteArray());
    if (connection == m_connections.end())
        connection = m_connections.insert(name->toByteArray(), ++m_lastConnection);
    m_frame = {line, true};
    event.kind = RecordedEvent::Kind::Received;
    event.connection = *connection;
    event.frames = {&m_frame, 1};
    return true;
}

void TapeReader::open(QByteArrayView name, RecordedEvent &event)
{
    const QByteArray key = name.toByteArray();
    const qint64 before = m_connections.value(key);
    const qint64 connection = ++m_lastConnection;
    m_connections[key] = connection;
    event.kind = before > 0 ? RecordedEvent::Kind::Lost : RecordedEvent::Kind::Opened;
    event.connection = before > 0 ? before : connection;
    m_toOpen = before > 0 ? connection : 0;
}

} // namespace tidemill::net
