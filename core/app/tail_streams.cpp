// SPDX-License-Identifier: Apache-2.0
#include "tail_streams.h"

#include <tidemill/json.h>

#include <algorithm>

namespace tidemill::app {

namespace {

constexpr qsizetype maxListed = 100000;
constexpr qint64 entriesAtOnce = 100;
constexpr std::chrono::milliseconds blockTime{5000};

// What a terminal or a reader of lines would take for something else stays visible as what it is.
QByteArray printable(QByteArrayView value)
{
    QByteArray json;
    appendJsonString(json, value);
    // Terminals obey these too: DEL, and those from U+0080 to U+009F.
    for (qsizetype at = json.size() - 1; at >= 0; --at) {
        const auto byte = quint8(json[at]);
        const bool isHigh = byte == 0xc2 && quint8(json[at + 1]) < 0xa0;
        if (isHigh || byte == 0x7f)
            json.replace(at, isHigh ? 2 : 1,
                         "\\u00" + QByteArray::number(isHigh ? quint8(json[at + 1]) : byte, 16));
    }
    const QByteArray inner = json.mid(1, json.size() - 2);
    const bool isPlain = inner == value && !value.isEmpty() && !value.contains(' ') && !value.contains('=');
    return isPlain ? inner : json;
}

} // namespace

TailStreams::TailStreams(const TailOrder &order) : m_order(order), m_client(order.settings)
{
    connect(&m_client, &redis::Client::failed, this,
            [this](const redis::Failure &failure) { end(failure.error.message); });
    connect(&m_client, &redis::Client::connected, this, [this] {
        if (!m_order.stream.isEmpty()) {
            findEnd();
            return;
        }
        m_due = 1; // ours, until all scans are under way
        for (const int slot : m_client.slotOfEachNode()) {
            ++m_due;
            scan(slot, "0");
        }
        finishOne();
    });
}

void TailStreams::scan(int slot, const QByteArray &cursor)
{
    redis::Command command("SCAN");
    command.add(cursor).add("MATCH").add(m_order.pattern).add("COUNT").add(qint64(1000));
    command.add("TYPE").add("stream");
    if (slot != redis::anySlot)
        command.toNodeOf(slot);
    m_client.send(command, [this, slot](const redis::Reply &reply) {
        if (!isGood(reply))
            return;
        for (const redis::Reply &name : reply[1].elements()) {
            if (m_listed.size() == maxListed) {
                end(QStringLiteral("there are more than %1 streams: narrow the list with --match")
                        .arg(maxListed));
                return;
            }
            const QByteArray found = name.text().toByteArray();
            // SCAN may say a name twice.
            if (m_seen.contains(found))
                continue;
            m_seen.insert(found);
            look(found);
        }
        const QByteArray next = reply[0].text().toByteArray();
        if (next == "0" || next.isEmpty())
            finishOne();
        else
            scan(slot, next);
    });
}

void TailStreams::look(const QByteArray &name)
{
    const qsizetype index = m_listed.size();
    m_listed.append({name});
    m_due += 2;
    m_client.send(redis::Command("XLEN").key(name), [this, index](const redis::Reply &reply) {
        if (!isGood(reply))
            return;
        m_listed[index].length = reply.integer();
        finishOne();
    });
    m_client.send(redis::Command("XREVRANGE").key(name).add("+").add("-").add("COUNT").add(qint64(1)),
                  [this, index](const redis::Reply &reply) {
                      if (!isGood(reply))
                          return;
                      m_listed[index].lastId = reply[0][0].text().toByteArray();
                      finishOne();
                  });
}

void TailStreams::finishOne()
{
    if (--m_due == 0)
        printList();
}

void TailStreams::printList()
{
    std::sort(m_listed.begin(), m_listed.end(),
              [](const Listed &a, const Listed &b) { return a.name < b.name; });
    if (m_listed.isEmpty() && !m_order.asJson)
        emit line("no streams" +
                  (m_order.pattern == "*" ? QByteArray() : " match " + printable(m_order.pattern)) + '\n');
    qsizetype width = 6;
    for (const Listed &stream : std::as_const(m_listed))
        width = std::max(width, printable(stream.name).size());
    if (!m_listed.isEmpty() && !m_order.asJson)
        emit line(QByteArray("STREAM").leftJustified(width) + "     ENTRIES  LAST ID\n");
    for (const Listed &stream : std::as_const(m_listed)) {
        QByteArray text;
        if (m_order.asJson) {
            text = "{\"stream\":";
            appendJsonString(text, stream.name)
                .append(",\"entries\":")
                .append(QByteArray::number(stream.length));
            text.append(",\"last_id\":");
            appendJsonString(text, stream.lastId).append("}\n");
        } else {
            text = printable(stream.name).leftJustified(width) +
                   QByteArray::number(stream.length).rightJustified(12) + "  " +
                   (stream.lastId.isEmpty() ? QByteArray("-") : printable(stream.lastId)) + '\n';
        }
        emit line(text);
    }
    end({});
}

// "$" means the end at that moment: it is asked for once, or what comes between two reads would be missed.
void TailStreams::findEnd()
{
    m_last = m_order.from;
    const redis::Command last =
        redis::Command("XREVRANGE").key(m_order.stream).add("+").add("-").add("COUNT").add(qint64(1));
    m_client.send(last, [this](const redis::Reply &reply) {
        if (!isGood(reply))
            return;
        if (m_last == "$")
            m_last = reply.size() > 0 ? reply[0][0].text().toByteArray() : QByteArray("0");
        read();
    });
}

void TailStreams::read()
{
    const qint64 left = m_order.count > 0 ? m_order.count - m_printed : entriesAtOnce;
    redis::Command command("XREAD");
    command.add("COUNT").add(std::min(left, entriesAtOnce)).add("BLOCK").add(qint64(blockTime.count()));
    command.mayBlock(blockTime).add("STREAMS").key(m_order.stream).add(m_last);
    m_client.send(command, [this](const redis::Reply &reply) {
        if (!isGood(reply))
            return;
        for (const redis::Reply &entry : reply[0][1].elements())
            printEntry(entry);
        if (m_order.count > 0 && m_printed >= m_order.count)
            end({});
        else
            QMetaObject::invokeMethod(this, &TailStreams::read, Qt::QueuedConnection);
    });
}

void TailStreams::printEntry(const redis::Reply &entry)
{
    m_last = entry[0].text().toByteArray();
    ++m_printed;
    QByteArray text;
    if (m_order.asJson)
        appendJsonString(text.append("{\"id\":"), m_last);
    else
        text = printable(m_last);
    const redis::Reply &words = entry[1];
    for (qsizetype at = 0; at + 1 < words.size(); at += 2) {
        const QByteArrayView name = words[at].text();
        if (name == "raw_json" && !m_order.withRaw)
            continue;
        if (m_order.asJson) {
            appendJsonString(text.append(','), name).append(':');
            appendJsonString(text, words[at + 1].text());
        } else {
            text.append(' ').append(printable(name)).append('=').append(printable(words[at + 1].text()));
        }
    }
    emit line(text.append(m_order.asJson ? "}\n" : "\n"));
}

bool TailStreams::isGood(const redis::Reply &reply)
{
    if (reply.isError())
        end(redis::describe(reply.text(), m_client.place()).message);
    return !reply.isError() && !reply.isLost() && !m_hasEnded;
}

void TailStreams::end(const QString &error)
{
    if (!std::exchange(m_hasEnded, true))
        emit ended(error);
}

} // namespace tidemill::app
