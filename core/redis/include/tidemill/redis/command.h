// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QByteArrayView>

#include <chrono>

namespace tidemill::redis {

constexpr int slotCount = 16384;
constexpr int anySlot = -1; // any node may answer

// The slot of a key in a cluster; of what is between the first { and the next } if there is something.
int slotOf(QByteArrayView key);
quint16 crc16(QByteArrayView bytes);

// RESP, for those who build many commands into one buffer: a head for the number of words, then each word.
void appendHead(QByteArray &out, qsizetype words);
void appendWord(QByteArray &out, QByteArrayView word);
void appendWord(QByteArray &out, qint64 number);

// One command: Command("XLEN").key(name), Command("SCAN").add(cursor).add("MATCH").add("trades:*"). Words are
// any bytes.
class Command
{
public:
    explicit Command(QByteArrayView name) { add(name); }

    Command &add(QByteArrayView word);
    Command &add(const QByteArray &word) { return add(QByteArrayView(word)); }
    Command &add(const char *word) { return add(QByteArrayView(word)); }
    Command &add(qint64 number);
    // A key; the first one decides which node of a cluster gets the command.
    Command &key(QByteArrayView name);
    // For commands without a key that one node must get: SCAN of one shard.
    Command &toNodeOf(int slot);
    // The same for WAIT: the node that has taken the last command for a key of that slot, which is another
    // one where the slot is only on its way.
    Command &toTakerOf(int slot);
    // The server may take this long on purpose (BLOCK), besides the usual limit. No limit for "for ever":
    // give BLOCK a time, then a dead peer is noticed.
    Command &mayBlock(std::chrono::milliseconds time);

    int slot() const { return m_slot; }
    bool isForNode() const { return m_isForNode; }
    bool isForTaker() const { return m_isForTaker; }
    std::chrono::milliseconds blockTime() const { return m_blockTime; }
    QByteArray bytes() const;

private:
    qsizetype m_count = 0;
    int m_slot = anySlot;
    bool m_isForNode = false;
    bool m_isForTaker = false;
    std::chrono::milliseconds m_blockTime{0};
    QByteArray m_words;
};

// Commands that the server carries out all or none, with nothing in between: MULTI ... EXEC. In a cluster all
// keys must be of one slot. Append whole commands in RESP to body() and count them.
class Transaction
{
public:
    explicit Transaction(int slot = anySlot);

    QByteArray &body() { return m_bytes; }
    void countCommand() { ++m_count; }
    void append(const Command &command);

    int slot() const { return m_slot; }
    qsizetype count() const { return m_count; }
    qsizetype byteSize() const { return m_bytes.size(); }
    // Ends it.
    QByteArray take() &&;

private:
    int m_slot;
    qsizetype m_count = 0;
    QByteArray m_bytes;
};

} // namespace tidemill::redis
