// SPDX-License-Identifier: Apache-2.0
#include "capture_reader.h"

#include <algorithm>

namespace tidemill::net {

using capture::Kind;

namespace {

constexpr qint64 scanBytes = 1024LL * 1024;

std::optional<RecordedEvent::Kind> eventOf(Kind kind)
{
    switch (kind) {
    case Kind::Begin:
        return RecordedEvent::Kind::Began;
    case Kind::Opened:
        return RecordedEvent::Kind::Opened;
    case Kind::Subscribed:
        return RecordedEvent::Kind::Subscribed;
    case Kind::Unsubscribed:
        return RecordedEvent::Kind::Unsubscribed;
    case Kind::Text:
    case Kind::Binary:
        return RecordedEvent::Kind::Received;
    case Kind::Leads:
        return RecordedEvent::Kind::Leads;
    case Kind::Lost:
        return RecordedEvent::Kind::Lost;
    case Kind::Interrupted:
        return RecordedEvent::Kind::Interrupted;
    case Kind::Resumed:
        return RecordedEvent::Kind::Resumed;
    case Kind::Answered:
        return RecordedEvent::Kind::Answered;
    case Kind::Missed:
        return RecordedEvent::Kind::Missed;
    case Kind::Sent:
    case Kind::End:
        break;
    }
    return {};
}

} // namespace

QByteArray CaptureReader::readAt(qint64 offset, qint64 size)
{
    return m_device.seek(offset) ? m_device.read(size) : QByteArray();
}

bool CaptureReader::next(RecordedEvent &event)
{
    for (;;) {
        event = {.time = m_lastTime, .knowsStreams = true};
        while (!m_records.isEmpty()) {
            const qsizetype before = m_records.size();
            if (take(event))
                return true;
            if (m_records.size() == before) {
                m_records = {};
                tellDamage(event, before);
                return true;
            }
        }
        bool isDamaged = false;
        if (!nextBlock(event, isDamaged))
            return false;
        if (isDamaged)
            return true;
    }
}

// Fills m_records from the next block that is good. `isDamaged`: something before it was not.
bool CaptureReader::nextBlock(RecordedEvent &event, bool &isDamaged)
{
    if (m_offset == 0)
        m_offset = CaptureReader::isCapture(readAt(0, capture::fileMagic.size()))
                       ? qint64(capture::fileMagic.size())
                       : 0;
    const qint64 from = m_offset;
    for (qint64 at = from; at < m_device.size();) {
        const auto header = capture::parseBlockHeader(readAt(at, capture::blockHeaderBytes));
        if (header) {
            const QByteArray packed = m_device.read(qint64(header->packedBytes));
            if (capture::unpackBlock(*header, packed, m_block)) {
                m_offset = at + capture::blockHeaderBytes + packed.size();
                m_records = {m_block.data(), qsizetype(header->recordBytes)};
                const bool isMissing = std::exchange(m_nextNumber, header->number + 1LL) != header->number;
                isDamaged = at > from || isMissing;
                if (isDamaged)
                    tellDamage(event, at - from);
                return true;
            }
        }
        at = findBlock(at + 1);
    }
    m_tornBytes += m_device.size() - from;
    m_offset = m_device.size();
    return false;
}

// Where the next block may begin; the end of the file if nowhere.
qint64 CaptureReader::findBlock(qint64 from)
{
    while (from < m_device.size()) {
        const QByteArray bytes = readAt(from, scanBytes);
        const qsizetype found = QByteArrayView(bytes).indexOf(capture::blockMagic);
        if (found >= 0)
            return from + found;
        if (bytes.size() < capture::blockMagic.size())
            break;
        from += bytes.size() - capture::blockMagic.size() + 1;
    }
    return m_device.size();
}

// False: the record is of no concern to a replay, or, with nothing taken from m_records, none.
bool CaptureReader::take(RecordedEvent &event)
{
    const auto header = capture::parseRecord(m_records);
    if (!header)
        return false;
    const QByteArrayView payload = m_records.sliced(capture::recordHeaderBytes, header->payloadBytes);
    event.time = m_lastTime = {header->timeNs};
    event.connection = header->connection;
    if (header->kind == Kind::Text || header->kind == Kind::Binary) {
        takeFrames(event, *header);
        return true;
    }
    m_records = m_records.sliced(capture::recordHeaderBytes + header->payloadBytes);
    m_hasEnded |= header->kind == Kind::End;
    const auto kind = eventOf(header->kind);
    if (!kind)
        return false;
    event.kind = *kind;
    event.isContinued = header->flags & capture::Continued;
    if (header->kind == Kind::Begin) {
        m_begin = payload.toByteArray();
        event.names = {m_begin};
    } else if (header->kind == Kind::Answered) {
        const qsizetype tab = payload.indexOf('\t');
        event.url = payload.first(std::max<qsizetype>(tab, 0));
        event.body = payload.sliced(tab + 1);
    } else if (header->kind == Kind::Missed) {
        event.missed = QStringLiteral("%1 frames were not captured").arg(QString::fromLatin1(payload));
    } else {
        event.names = capture::unpackNames(payload);
    }
    return true;
}

// All of one read, as they went to the session together.
void CaptureReader::takeFrames(RecordedEvent &event, const capture::RecordHeader &first)
{
    m_frames.clear();
    event.kind = RecordedEvent::Kind::Received;
    for (auto header = std::optional(first); header;) {
        const qsizetype size = capture::recordHeaderBytes + header->payloadBytes;
        m_frames.push_back(
            {m_records.sliced(capture::recordHeaderBytes, header->payloadBytes), header->kind == Kind::Text});
        m_records = m_records.sliced(size);
        const bool hasMore = header->flags & capture::MoreOfRead;
        header = hasMore ? capture::parseRecord(m_records) : std::nullopt;
        if (header && ((header->kind != Kind::Text && header->kind != Kind::Binary) ||
                       header->connection != first.connection))
            break;
    }
    event.frames = m_frames;
}

void CaptureReader::tellDamage(RecordedEvent &event, qint64 bytes)
{
    m_damagedBytes += bytes;
    event = {.kind = RecordedEvent::Kind::Missed,
             .time = m_lastTime,
             .missed = QStringLiteral("%1 bytes of the capture are damaged").arg(bytes),
             .knowsStreams = true};
    if (bytes == 0)
        event.missed = QStringLiteral("a block of the capture is missing");
}

} // namespace tidemill::net
