// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QHash>
#include <QList>
#include <QSet>
#include <QString>

#include <functional>
#include <optional>
#include <vector>

namespace tidemill::exchange {

// Names that say what a stream carries.
QByteArray
symbolOfStream(const QByteArray &stream); // "btcusdt@depth@100ms", "sbe:btcusdt@trade" -> "BTCUSDT"
QByteArray channelOfStream(const QByteArray &stream); // "btcusdt@depth@100ms" -> "depth@100ms"
bool isDepthDifference(const QByteArray &stream);     // @depth and @depth@100ms, not @depth5

struct TapeFrame
{
    qint64 timeNs = 0;
    QByteArray stream;
    QByteArray payload;
    QByteArray wrapped; // the whole frame when it was recorded wrapped, else empty
};

// A REST answer of /depth that was recorded beside the frames.
struct TapeSnapshot
{
    QByteArray symbol;
    qsizetype position = 0; // how many frames had come before it
    QByteArray body;
};

// A recorded session: one event a line,
//     <unix seconds or -> TAB <connect|send|recv|http> TAB <connection> TAB <payload>
// where the payload of http is <url> TAB <body>. Payloads are kept byte for byte; the payloads of the
// frames are views into the file's bytes, which the tape owns, so they must not outlive it.
class Tape
{
public:
    // The stream of a received payload; empty when it is none of the data.
    using Namer = std::function<QByteArray(const QByteArray &payload)>;

    // Without a namer, the rules are Binance's.
    static std::optional<Tape> load(const QString &fileName, QString *error, const Namer &namer = {});
    static std::optional<Tape> parse(QByteArray bytes, QString *error, const Namer &namer = {});

    const std::vector<TapeFrame> &frames() const { return m_frames; }
    const QList<TapeSnapshot> &snapshots() const { return m_snapshots; }
    qsizetype ignoredLines() const { return m_ignored; } // control replies and what has no stream

private:
    void addFrame(qint64 timeNs, const QByteArray &connection, const QByteArray &payload);
    void addNamed(qint64 timeNs, const QByteArray &stream, const QByteArray &payload);
    void addHttp(const QByteArray &payload);
    QByteArray intern(const QByteArray &name);
    void nameSnapshots();

    QByteArray m_bytes;
    std::vector<TapeFrame> m_frames;
    QList<TapeSnapshot> m_snapshots;
    QSet<QByteArray> m_names;                   // stream names, owned once each
    QHash<QByteArray, QByteArray> m_rawStreams; // connection -> the one stream its URL names
    qsizetype m_ignored = 0;
};

} // namespace tidemill::exchange
