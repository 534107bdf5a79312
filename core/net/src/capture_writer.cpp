// SPDX-License-Identifier: Apache-2.0
#include "capture_writer.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QUuid>

#include <algorithm>
#include <utility>

namespace tidemill::net {

using capture::Kind;

namespace {

constexpr qsizetype blockBytes = 256LL * 1024; // a few milliseconds to compress
constexpr std::chrono::seconds cutInterval{1};
// A block ends with a read of the socket, if that is not larger than anything reasonable.
constexpr qsizetype hugeBlockBytes = capture::maxBlockBytes / 2;

} // namespace

CaptureWriter::CaptureWriter(const CaptureSettings &settings, const Owner &owner,
                             std::chrono::milliseconds rotateAfter)
    : m_owner(owner)
    , m_maxFileBytes(settings.maxFileBytes)
    , m_maxQueuedBytes(settings.maxQueuedBytes)
    , m_rotateAfter(rotateAfter)
    , m_runName(QUuid::createUuid().toByteArray(QUuid::WithoutBraces))
    , m_files(settings)
{}

CaptureWriter::~CaptureWriter()
{
    end(Timestamp::now());
}

void CaptureWriter::note(Kind kind, qint64 connection, Timestamp time, QByteArrayView payload, quint8 flags)
{
    if (m_hasEnded)
        return;
    if (m_records.isEmpty() && m_fileBegan.isNull())
        beginFile(time);
    capture::appendRecord(m_records, {kind, flags, 0, time.ns, connection}, payload);
}

// A file can be read alone, so it begins with what is the case.
void CaptureWriter::beginFile(Timestamp now)
{
    m_fileBegan = now;
    m_lastCut = now;
    m_beginsFile = true;
    const QJsonObject begin{{"format", 1},
                            {"exchange", QString::fromUtf8(m_owner.exchange)},
                            {"pipeline", m_owner.pipeline},
                            {"node", m_owner.node},
                            {"run", QString::fromLatin1(m_runName)},
                            {"file", m_filesBegun++}};
    note(Kind::Begin, 0, now, QJsonDocument(begin).toJson(QJsonDocument::Compact));
    for (const auto &[number, connection] : m_connections) {
        note(Kind::Opened, number, now, connection.address, capture::Continued);
        note(Kind::Subscribed, number, now,
             capture::packNames({connection.names.begin(), connection.names.end()}), capture::Continued);
        if (connection.isLeader)
            note(Kind::Leads, number, now, {}, capture::Continued);
    }
    if (!m_carried.empty())
        note(Kind::Resumed, 0, now, capture::packNames({m_carried.begin(), m_carried.end()}),
             capture::Continued);
}

void CaptureWriter::opened(qint64 connection, QByteArrayView address, Timestamp now)
{
    note(Kind::Opened, connection, now, address);
    m_connections[connection].address = address.toByteArray();
}

void CaptureWriter::subscribed(qint64 connection, const QList<QByteArray> &names, Timestamp now)
{
    note(Kind::Subscribed, connection, now, capture::packNames(names));
    m_connections[connection].names.insert(names.begin(), names.end());
}

void CaptureWriter::unsubscribed(qint64 connection, const QList<QByteArray> &names, Timestamp now)
{
    note(Kind::Unsubscribed, connection, now, capture::packNames(names));
    for (const QByteArray &name : names)
        m_connections[connection].names.erase(name);
}

void CaptureWriter::sent(qint64 connection, QByteArrayView message, Timestamp now)
{
    note(Kind::Sent, connection, now, capture::masked(message));
}

void CaptureWriter::leads(qint64 connection, Timestamp now)
{
    note(Kind::Leads, connection, now, {});
    Connection &leader = m_connections[connection];
    for (auto &[number, other] : m_connections) {
        const auto isShared = [&leader](const QByteArray &name) { return leader.names.contains(name); };
        if (std::any_of(other.names.begin(), other.names.end(), isShared))
            other.isLeader = false;
    }
    leader.isLeader = true;
}

void CaptureWriter::lost(qint64 connection, Timestamp now)
{
    note(Kind::Lost, connection, now, {});
    m_connections.erase(connection);
}

void CaptureWriter::interrupted(const QList<QByteArray> &names, Timestamp now)
{
    note(Kind::Interrupted, 0, now, capture::packNames(names));
    for (const QByteArray &name : names)
        m_carried.erase(name);
}

void CaptureWriter::resumed(const QList<QByteArray> &names, Timestamp now)
{
    note(Kind::Resumed, 0, now, capture::packNames(names));
    m_carried.insert(names.begin(), names.end());
}

void CaptureWriter::received(qint64 connection, const Frames &frames)
{
    if (m_hasEnded || frames.isEmpty())
        return;
    qint64 bytes = 0;
    bool isTooLarge = false;
    for (const Frame &frame : frames) {
        bytes += capture::recordHeaderBytes + frame.payload.size();
        isTooLarge |= frame.payload.size() > hugeBlockBytes;
    }
    if (isTooLarge || !hasRoom(bytes, frames.received())) {
        m_missedFrames += frames.size();
        m_untoldFrames += frames.size();
        return;
    }
    for (qsizetype i = 0; i < frames.size(); ++i) {
        const Frame &frame = frames[i];
        const bool isHuge = m_records.size() + frame.payload.size() > hugeBlockBytes;
        if (isHuge && !m_records.isEmpty())
            cut(frames.received());
        note(frame.text ? Kind::Text : Kind::Binary, connection, frames.received(), frame.payload,
             i + 1 < frames.size() ? capture::MoreOfRead : 0);
        ++m_frames;
        ++m_capturedFrames;
    }
    if (m_records.size() >= blockBytes)
        cut(frames.received());
}

// It counts as a frame: it is needed as much.
void CaptureWriter::answered(QByteArrayView url, QByteArrayView body, Timestamp now)
{
    if (m_hasEnded)
        return;
    const qint64 bytes = url.size() + body.size();
    if (bytes > hugeBlockBytes || !hasRoom(bytes, now)) {
        ++m_missedFrames;
        ++m_untoldFrames;
        return;
    }
    if (!m_records.isEmpty() && m_records.size() + bytes > hugeBlockBytes)
        cut(now);
    note(Kind::Answered, 0, now, url.toByteArray() + '\t' + body.toByteArray());
    ++m_frames;
    ++m_capturedFrames;
}

bool CaptureWriter::hasRoom(qint64 bytes, Timestamp now)
{
    // Looked at once a block, as it takes a lock.
    if (!m_isBehind && m_records.size() + bytes < blockBytes)
        return true;
    const CaptureFiles::Status status = m_files.status();
    if (!status.stopped.isEmpty())
        return false;
    const qint64 limit = m_isBehind ? m_maxQueuedBytes / 2 : m_maxQueuedBytes;
    m_isBehind = status.queuedBytes + m_records.size() + bytes > limit;
    if (m_isBehind)
        return false;
    if (const qint64 untold = std::exchange(m_untoldFrames, 0); untold > 0)
        note(Kind::Missed, 0, now, QByteArray::number(untold));
    return true;
}

void CaptureWriter::cut(Timestamp now)
{
    m_lastCut = now;
    if (m_records.isEmpty())
        return;
    m_files.add(
        {std::exchange(m_records, {}), std::exchange(m_frames, 0), std::exchange(m_beginsFile, false)});
    m_records.reserve(blockBytes + blockBytes / 4);
}

void CaptureWriter::tick(Timestamp now)
{
    if (m_hasEnded || m_fileBegan.isNull())
        return;
    const bool isTime = now - m_lastCut >= cutInterval || now < m_lastCut;
    if (isTime)
        cut(now);
    if (!m_records.isEmpty() || m_beginsFile)
        return;
    const CaptureFiles::Status status = m_files.status();
    // The size is that of the file before until the disk has seen the newest.
    const bool isLarge = status.files == m_filesBegun && status.fileBytes >= m_maxFileBytes;
    if (isLarge || now - m_fileBegan >= m_rotateAfter)
        beginFile(now);
}

void CaptureWriter::end(Timestamp now)
{
    if (m_hasEnded)
        return;
    if (const qint64 untold = std::exchange(m_untoldFrames, 0); untold > 0)
        note(Kind::Missed, 0, now, QByteArray::number(untold));
    if (!m_fileBegan.isNull())
        note(Kind::End, 0, now, {});
    cut(now);
    m_hasEnded = true;
}

qint64 CaptureWriter::missedFrames() const
{
    return m_missedFrames + m_files.status().lostFrames;
}

QString CaptureWriter::trouble() const
{
    const CaptureFiles::Status status = m_files.status();
    if (!status.stopped.isEmpty())
        return QStringLiteral("capturing has stopped, the feed goes on: %1").arg(status.stopped);
    if (m_isBehind)
        return QStringLiteral("the disk is too slow for the capture: frames are left out, the feed goes on");
    return {};
}

} // namespace tidemill::net
