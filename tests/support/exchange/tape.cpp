// SPDX-License-Identifier: Apache-2.0
#include "tape.h"

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QUrl>
#include <QUrlQuery>

#include <algorithm>

namespace tidemill::exchange {

namespace {

// Seconds with up to nine decimals to nanoseconds, without a detour through double.
std::optional<qint64> parseTime(QByteArrayView text)
{
    const qsizetype point = text.indexOf('.');
    const QByteArray seconds = (point < 0 ? text : text.first(point)).toByteArray();
    QByteArray fraction = point < 0 ? QByteArray() : text.sliced(point + 1).toByteArray();
    fraction = fraction.leftJustified(9, '0', true);
    bool secondsFine = false;
    bool fractionFine = false;
    const qint64 whole = seconds.toLongLong(&secondsFine);
    const qint64 part = fraction.toLongLong(&fractionFine);
    if (!secondsFine || !fractionFine || whole < 0 || part < 0 || whole > 9'000'000'000)
        return std::nullopt;
    return whole * 1'000'000'000 + part;
}

QByteArray view(const QByteArray &bytes, qsizetype from, qsizetype size)
{
    return QByteArray::fromRawData(bytes.constData() + from, size);
}

// {"stream":"<name>","data":<payload>}: name and payload, found without parsing what is inside.
bool unwrap(const QByteArray &frame, TapeFrame &out)
{
    static const QByteArray head = "{\"stream\":\"";
    static const QByteArray middle = "\",\"data\":";
    if (!frame.startsWith(head) || !frame.endsWith('}'))
        return false;
    const qsizetype end = frame.indexOf(middle, head.size());
    if (end < 0)
        return false;
    const qsizetype data = end + middle.size();
    out.stream = view(frame, head.size(), end - head.size());
    out.payload = view(frame, data, frame.size() - data - 1);
    out.wrapped = frame;
    return true;
}

QByteArray lower(const QString &symbol)
{
    return symbol.toLower().toUtf8();
}

// What the exchange would have called the stream of a frame that came unwrapped.
QByteArray deriveStream(const QJsonObject &event)
{
    const QByteArray symbol = lower(event[u"s"].toString());
    const QString type = event[u"e"].toString();
    if (symbol.isEmpty())
        return {};
    if (type.isEmpty())
        return event.contains(u"u") && event.contains(u"B") && event.contains(u"A") ? symbol + "@bookTicker"
                                                                                    : QByteArray();
    if (type == u"depthUpdate")
        return symbol + "@depth";
    if (type == u"kline")
        return symbol + "@kline_" + event[u"k"].toObject()[u"i"].toString().toLatin1();
    if (type == u"24hrTicker")
        return symbol + "@ticker";
    if (type == u"24hrMiniTicker")
        return symbol + "@miniTicker";
    return symbol + '@' + type.toLatin1();
}

// The stream of "wss://host/ws/<stream>", if there is exactly one.
QByteArray streamOfUrl(const QByteArray &url)
{
    const QString path = QUrl(QString::fromUtf8(url)).path();
    return path.startsWith(u"/ws/") && path.count(u'/') == 2 ? path.mid(4).toUtf8() : QByteArray();
}

} // namespace

QByteArray symbolOfStream(const QByteArray &stream)
{
    const qsizetype at = stream.indexOf('@');
    const qsizetype prefix = stream.startsWith("sbe:") ? 4 : 0;
    return at < 0 ? QByteArray() : QString::fromUtf8(stream.mid(prefix, at - prefix)).toUpper().toUtf8();
}

QByteArray channelOfStream(const QByteArray &stream)
{
    const qsizetype at = stream.indexOf('@');
    return at < 0 ? QByteArray() : stream.mid(at + 1);
}

bool isDepthDifference(const QByteArray &stream)
{
    const QByteArray channel = channelOfStream(stream);
    return channel == "depth" || channel.startsWith("depth@");
}

std::optional<Tape> Tape::load(const QString &fileName, QString *error, const Namer &namer)
{
    QFile file(fileName);
    if (!file.open(QIODevice::ReadOnly)) {
        *error = QStringLiteral("%1: %2").arg(fileName, file.errorString());
        return std::nullopt;
    }
    auto tape = parse(file.readAll(), error, namer);
    if (!tape)
        *error = QStringLiteral("%1: %2").arg(fileName, *error);
    return tape;
}

std::optional<Tape> Tape::parse(QByteArray bytes, QString *error, const Namer &namer)
{
    Tape tape;
    tape.m_bytes = std::move(bytes);
    const QByteArray &all = tape.m_bytes;
    qint64 timeNs = 0;
    qsizetype lineNumber = 0;
    for (qsizetype start = 0; start < all.size();) {
        const qsizetype newline = all.indexOf('\n', start);
        const qsizetype end = newline < 0 ? all.size() : newline;
        const QByteArray line = view(all, start, end - start);
        start = end + 1;
        ++lineNumber;
        if (line.isEmpty())
            continue;
        const qsizetype first = line.indexOf('\t');
        const qsizetype second = first < 0 ? -1 : line.indexOf('\t', first + 1);
        const qsizetype third = second < 0 ? -1 : line.indexOf('\t', second + 1);
        if (third < 0) {
            *error = QStringLiteral("line %1: expected time, event, connection and payload between tabs")
                         .arg(lineNumber);
            return std::nullopt;
        }
        const QByteArray time = line.first(first);
        if (time != "-") {
            const auto parsed = parseTime(time);
            if (!parsed) {
                *error = QStringLiteral("line %1: expected unix seconds or '-', got '%2'")
                             .arg(QString::number(lineNumber),
                                  QString::fromUtf8(time.first(std::min<qsizetype>(time.size(), 40))));
                return std::nullopt;
            }
            timeNs = std::max(timeNs, *parsed); // a clock set back must not stop the playback
        }
        const QByteArray event = line.sliced(first + 1, second - first - 1);
        const QByteArray connection = line.sliced(second + 1, third - second - 1);
        const QByteArray payload = view(line, third + 1, line.size() - third - 1);
        if (event == "recv" && namer) {
            tape.addNamed(timeNs, namer(payload), payload);
        } else if (event == "recv") {
            tape.addFrame(timeNs, connection, payload);
        } else if (event == "http") {
            tape.addHttp(payload);
        } else if (event == "connect") {
            tape.m_rawStreams.insert(connection, streamOfUrl(payload));
        } else if (event != "send") {
            *error = QStringLiteral("line %1: expected connect, send, recv or http, got '%2'")
                         .arg(QString::number(lineNumber), QString::fromUtf8(event.left(40)));
            return std::nullopt;
        }
    }
    tape.nameSnapshots();
    return tape;
}

void Tape::addFrame(qint64 timeNs, const QByteArray &connection, const QByteArray &payload)
{
    TapeFrame frame;
    frame.timeNs = timeNs;
    if (!unwrap(payload, frame)) {
        const QJsonObject event = QJsonDocument::fromJson(payload).object();
        frame.stream = deriveStream(event);
        if (frame.stream.isEmpty() || event[u"e"].toString() == u"depthUpdate") {
            const QByteArray named = m_rawStreams.value(connection);
            frame.stream = named.isEmpty() ? frame.stream : named;
        }
        if (frame.stream.isEmpty() && event.contains(u"lastUpdateId")) {
            m_snapshots.append({{}, qsizetype(m_frames.size()), payload});
            return;
        }
        frame.payload = payload;
    }
    if (frame.stream.isEmpty()) {
        ++m_ignored;
        return;
    }
    frame.stream = intern(frame.stream);
    m_frames.push_back(std::move(frame));
}

void Tape::addNamed(qint64 timeNs, const QByteArray &stream, const QByteArray &payload)
{
    if (stream.isEmpty())
        ++m_ignored;
    else
        m_frames.push_back({timeNs, intern(stream), payload, {}});
}

QByteArray Tape::intern(const QByteArray &name)
{
    const auto known = m_names.constFind(name);
    return known != m_names.cend() ? *known : *m_names.insert(QByteArray(name.constData(), name.size()));
}

void Tape::addHttp(const QByteArray &payload)
{
    const qsizetype tab = payload.indexOf('\t');
    const QUrl url(QString::fromUtf8(payload.left(tab)));
    if (tab < 0 || !url.path().endsWith(u"/depth")) {
        ++m_ignored;
        return;
    }
    const QByteArray symbol = QUrlQuery(url).queryItemValue(QStringLiteral("symbol")).toUtf8();
    m_snapshots.append({symbol, qsizetype(m_frames.size()), payload.mid(tab + 1)});
}

// A snapshot that came as a bare frame does not say whose it is: its update id lies among those of one
// symbol.
void Tape::nameSnapshots()
{
    QHash<QByteArray, std::pair<qint64, qint64>> ranges;
    if (std::none_of(m_snapshots.cbegin(), m_snapshots.cend(),
                     [](const auto &s) { return s.symbol.isEmpty(); }))
        return;
    for (const TapeFrame &frame : m_frames) {
        if (!isDepthDifference(frame.stream))
            continue;
        const QJsonObject event = QJsonDocument::fromJson(frame.payload).object();
        const QByteArray symbol = symbolOfStream(frame.stream);
        const qint64 last = event[u"u"].toInteger();
        auto range = ranges.find(symbol);
        if (range == ranges.end())
            range = ranges.insert(symbol, {event[u"U"].toInteger() - 1, last});
        range->second = std::max(range->second, last);
    }
    for (TapeSnapshot &snapshot : m_snapshots) {
        const qint64 id = QJsonDocument::fromJson(snapshot.body).object()[u"lastUpdateId"].toInteger();
        for (auto range = ranges.cbegin(); snapshot.symbol.isEmpty() && range != ranges.cend(); ++range) {
            if (ranges.size() == 1 || (id >= range->first && id <= range->second))
                snapshot.symbol = range.key();
        }
    }
}

} // namespace tidemill::exchange
