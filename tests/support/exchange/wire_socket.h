// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "frame_scanner.h"

#include <QTcpSocket>

namespace tidemill::exchange {

// A client's connection as QWebSocket sees it. All bytes pass through here, so that the exchange can count
// what the client sends, leave its pings unanswered, write frames as bytes, and cut the line without a word.
class WireSocket final : public QTcpSocket
{
    Q_OBJECT

public:
    // Takes over `wire`, plain or already encrypted, whose HTTP request of `headerBytes` has come but is
    // still unread.
    WireSocket(QTcpSocket *wire, qsizetype headerBytes);

    void setDropPings(bool drop) { m_scanner.setDropPings(drop); }

    // One unfragmented frame. QWebSocket would take a text's bytes through UTF-16 and back; they must arrive
    // as they are.
    void writeFrame(FrameScanner::Opcode opcode, const QByteArray &payload);
    qint64 queuedBytes() const;

    // Ends the connection with a TCP reset, dropping what is still to be sent.
    void breakOff();

    qint64 bytesAvailable() const override { return m_incoming.size() + QTcpSocket::bytesAvailable(); }
    qint64 bytesToWrite() const override { return queuedBytes(); }
    bool canReadLine() const override { return m_incoming.contains('\n') || QTcpSocket::canReadLine(); }
    void close() override;
    void disconnectFromHost() override;

Q_SIGNALS:
    void frameSeen(int opcode, bool masked);
    void drained(); // some bytes have gone to the kernel

protected:
    qint64 readData(char *data, qint64 maxSize) override;
    qint64 writeData(const char *data, qint64 size) override;

private:
    void takeBytes();
    void finish();

    QTcpSocket *m_wire; // a child
    FrameScanner m_scanner;
    QByteArray m_incoming;
};

} // namespace tidemill::exchange
