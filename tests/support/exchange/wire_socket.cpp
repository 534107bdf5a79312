// SPDX-License-Identifier: Apache-2.0
#include "wire_socket.h"

#include <QSslSocket>
#include <QtEndian>

#include <algorithm>
#include <cstring>

#ifdef Q_OS_UNIX
#include <sys/socket.h>
#endif

namespace tidemill::exchange {

WireSocket::WireSocket(QTcpSocket *wire, qsizetype headerBytes)
    : m_wire(wire)
    , m_scanner(headerBytes,
                [this](FrameScanner::Frame frame) { emit frameSeen(frame.opcode, frame.masked); })
{
    m_wire->setParent(this);
    setPeerAddress(m_wire->peerAddress());
    setPeerPort(m_wire->peerPort());
    setLocalAddress(m_wire->localAddress());
    setLocalPort(m_wire->localPort());
    setSocketState(ConnectedState);
    setOpenMode(ReadWrite);
    connect(m_wire, &QTcpSocket::readyRead, this, &WireSocket::takeBytes);
    connect(m_wire, &QTcpSocket::bytesWritten, this, [this](qint64 count) {
        emit bytesWritten(count);
        emit drained();
    });
    connect(m_wire, &QTcpSocket::disconnected, this, &WireSocket::finish);
    m_incoming = m_scanner.pass(m_wire->readAll());
}

void WireSocket::takeBytes()
{
    if (state() != ConnectedState) {
        m_wire->readAll(); // closing: nobody will read it
        return;
    }
    m_incoming += m_scanner.pass(m_wire->readAll());
    if (!m_incoming.isEmpty())
        emit readyRead();
}

qint64 WireSocket::readData(char *data, qint64 maxSize)
{
    const qsizetype count = std::min<qsizetype>(maxSize, m_incoming.size());
    if (count > 0) { // memcpy wants real pointers even for nothing
        std::memcpy(data, m_incoming.constData(), std::size_t(count));
        m_incoming.remove(0, count);
    }
    return count;
}

qint64 WireSocket::writeData(const char *data, qint64 size)
{
    return m_wire->write(data, size);
}

void WireSocket::writeFrame(FrameScanner::Opcode opcode, const QByteArray &payload)
{
    if (state() != ConnectedState)
        return;
    char header[10] = {char(0x80 | opcode)};
    qint64 size = 2;
    if (payload.size() < 126) {
        header[1] = char(payload.size());
    } else if (payload.size() <= 0xffff) {
        header[1] = 126;
        qToBigEndian(quint16(payload.size()), header + 2);
        size = 4;
    } else {
        header[1] = 127;
        qToBigEndian(quint64(payload.size()), header + 2);
        size = 10;
    }
    m_wire->write(header, size);
    m_wire->write(payload.constData(), payload.size());
}

qint64 WireSocket::queuedBytes() const
{
    const auto *tls = qobject_cast<const QSslSocket *>(m_wire);
    return m_wire->bytesToWrite() + (tls ? tls->encryptedBytesToWrite() : 0);
}

void WireSocket::breakOff()
{
#ifdef Q_OS_UNIX
    const linger atOnce{1, 0}; // close() then sends RST
    ::setsockopt(int(m_wire->socketDescriptor()), SOL_SOCKET, SO_LINGER, &atOnce, sizeof atOnce);
#endif
    m_wire->abort();
    finish();
}

void WireSocket::close()
{
    disconnectFromHost();
}

void WireSocket::disconnectFromHost()
{
    if (state() != ConnectedState)
        return;
    setSocketState(ClosingState);
    emit stateChanged(ClosingState);
    m_wire->disconnectFromHost(); // after all that has been written
}

void WireSocket::finish()
{
    if (state() == UnconnectedState)
        return;
    setSocketState(UnconnectedState);
    setOpenMode(NotOpen);
    emit stateChanged(UnconnectedState);
    emit disconnected();
}

} // namespace tidemill::exchange
