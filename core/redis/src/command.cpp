// SPDX-License-Identifier: Apache-2.0
#include <tidemill/redis/command.h>

#include <charconv>

namespace tidemill::redis {

namespace {

void appendNumbered(QByteArray &out, char mark, qint64 number)
{
    char text[24];
    text[0] = mark;
    char *end = std::to_chars(text + 1, text + sizeof text - 2, number).ptr;
    *end++ = '\r';
    *end++ = '\n';
    out.append(text, end - text);
}

} // namespace

quint16 crc16(QByteArrayView bytes)
{
    quint32 crc = 0;
    for (const char byte : bytes) {
        crc ^= quint32(quint8(byte)) << 8;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc & 0x8000U) ? ((crc << 1) ^ 0x1021U) : (crc << 1);
        crc &= 0xffffU;
    }
    return quint16(crc);
}

int slotOf(QByteArrayView key)
{
    const qsizetype open = key.indexOf('{');
    if (open >= 0) {
        const qsizetype close = key.indexOf('}', open + 1);
        if (close > open + 1)
            key = key.sliced(open + 1, close - open - 1);
    }
    return crc16(key) % slotCount;
}

// Not hiredis' redisFormatCommandArgv: that wants arrays of pointers and gives a buffer of its own for each
// command, which together cost 20 times what these appends do.
void appendHead(QByteArray &out, qsizetype words)
{
    appendNumbered(out, '*', words);
}

void appendWord(QByteArray &out, QByteArrayView word)
{
    appendNumbered(out, '$', word.size());
    out.append(word.data(), word.size()).append("\r\n", 2);
}

void appendWord(QByteArray &out, qint64 number)
{
    char text[24];
    const char *end = std::to_chars(text, text + sizeof text, number).ptr;
    appendWord(out, QByteArrayView(text, end - text));
}

Command &Command::add(QByteArrayView word)
{
    appendWord(m_words, word);
    ++m_count;
    return *this;
}

Command &Command::add(qint64 number)
{
    appendWord(m_words, number);
    ++m_count;
    return *this;
}

Command &Command::key(QByteArrayView name)
{
    if (m_slot == anySlot)
        m_slot = slotOf(name);
    return add(name);
}

Command &Command::toNodeOf(int slot)
{
    m_slot = slot;
    m_isForNode = true;
    return *this;
}

Command &Command::toTakerOf(int slot)
{
    m_isForTaker = true;
    return toNodeOf(slot);
}

Command &Command::mayBlock(std::chrono::milliseconds time)
{
    m_blockTime = time;
    return *this;
}

QByteArray Command::bytes() const
{
    QByteArray out;
    out.reserve(m_words.size() + 16);
    appendHead(out, m_count);
    return out.append(m_words);
}

Transaction::Transaction(int slot) : m_slot(slot)
{
    m_bytes = Command("MULTI").bytes();
}

void Transaction::append(const Command &command)
{
    m_bytes.append(command.bytes());
    ++m_count;
}

QByteArray Transaction::take() &&
{
    m_bytes.append(Command("EXEC").bytes());
    return std::move(m_bytes);
}

} // namespace tidemill::redis
