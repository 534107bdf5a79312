// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/compression.h>
#include <tidemill/net/export.h>
#include <tidemill/net/frames.h>
#include <tidemill/net/headers.h>
#include <tidemill/result.h>

#include <QObject>
#include <QString>
#include <QTimer>
#include <QUrl>

#include <chrono>
#include <memory>
#include <optional>

class QTcpSocket;

namespace tidemill::net {

class Connector;
class Deflater;
class FrameReader;
enum class Opcode : quint8;

// A time of zero switches that limit off, except for closing.
struct WebSocketSettings
{
    HeaderList headers;                                 // sent with the handshake, beside our own
    QString caFile;                                     // PEM file of CAs to trust instead of the system's
    QString proxy;                                      // see proxy.h; may hold a password
    Compression compression;                            // off
    std::chrono::milliseconds connectTimeout{10'000};   // name, proxy, TCP and TLS together
    std::chrono::milliseconds handshakeTimeout{10'000}; // the answer to our request to upgrade
    std::chrono::milliseconds closeTimeout{3'000};      // the peer's part in closing
    std::chrono::milliseconds pingInterval{0};          // we ping that often; off by default
    std::chrono::milliseconds pongTimeout{10'000};      // after a ping, something must come within
    qsizetype maxMessageBytes = 32LL * 1024 * 1024;     // a longer message closes the connection (1009)
};

// How a connection, or the attempt at one, ended.
struct CloseInfo
{
    quint16 code = 1006;     // RFC 6455 section 7.4: the peer's, or ours if we refused what it sent
    QString reason;          // of the close frame
    bool clean = false;      // close frames went both ways
    int handshakeStatus = 0; // the HTTP status, if that is why there is no connection (429, 403, ...)
    std::optional<std::chrono::milliseconds> retryAfter; // what the peer asked for with that status
    Error::Kind kind = Error::Kind::Network;
    QString message; // for the operator, never empty
};

// RFC 6455 client over TCP (ws) or verified TLS (wss), with permessage-deflate (RFC 7692) and through a proxy
// if asked to. No other extensions, no subprotocols, no redirects; http_proxy of the environment does not
// count. Lives in one thread and needs its event loop; all signals come from there. Reconnecting is
// FeedConnection's.
class TIDEMILL_NET_EXPORT WebSocketClient : public QObject
{
    Q_OBJECT

public:
    enum class State { Closed, Connecting, Handshaking, Open, Closing };
    Q_ENUM(State)

    explicit WebSocketClient(QObject *parent = nullptr);
    ~WebSocketClient() override; // silent: no signal comes from a client that is being deleted

    // What open() would refuse: address, headers, CA file, proxy, compression. Touches no network.
    static Result<> check(const QUrl &url, const WebSocketSettings &settings = {});

    // Emits nothing before it returns. If it succeeds, exactly one closed() follows sooner or later.
    Result<> open(const QUrl &url, const WebSocketSettings &settings = {});

    // Sends one message; an error if we are not open or if the peer has left 1 MiB of earlier ones unread.
    Result<> sendText(QByteArrayView utf8);
    Result<> sendBinary(QByteArrayView payload);
    Result<> ping(QByteArrayView payload = {}); // at most 125 bytes

    // Says goodbye and waits for the peer to do so too. What it still sends until then is delivered, unless
    // we are paused. Before the connection is open this is abort().
    void close(quint16 code = 1000, const QString &reason = {});

    // Drops the connection at once; closed() is emitted before this returns.
    void abort();

    // While paused nothing is read, so that the peer feels it through TCP; the event loop goes on. Pings are
    // not answered meanwhile, as they stand behind the unread data. Outlasts a connection: a new one starts
    // paused. resume() delivers from the event loop, never from within the call.
    void pause();
    void resume();
    bool isPaused() const { return m_paused; }

    // The peer agreed to compression on the connection that is open.
    bool isCompressed() const { return m_compressed; }

    State state() const { return m_state; }
    quint64 receivedBytes() const { return m_receivedBytes; } // over all connections, as read from TCP or TLS
    quint64 receivedFrames() const { return m_receivedFrames; }

Q_SIGNALS:
    void opened();
    // The slot may pause, close, abort, open again and deleteLater() this client, but not delete it at once.
    void framesReceived(const tidemill::net::Frames &frames);
    void pongReceived();
    void pongSent(); // a ping was answered; some exchanges count that against us
    void closed(const tidemill::net::CloseInfo &info);

private:
    void takeOver();
    void scheduleRead();
    void readFrames();
    bool receiveMore();
    qsizetype readSome(char *to, qsizetype size);
    bool handleArrived();
    void handleCloseFrame();
    void fail(quint16 code, const QString &what);
    void endOfStream();
    void sendPing();
    void beginClosing();
    void finish(const CloseInfo &info);
    void sendFrame(Opcode opcode, QByteArrayView payload, bool packed = false);
    void sendClose(quint16 code, const QString &reason);
    Result<> sendMessage(Opcode opcode, QByteArrayView payload);

    State m_state = State::Closed;
    WebSocketSettings m_settings;
    Connector *m_connector;         // a child
    QTcpSocket *m_socket = nullptr; // a child, from opened() to closed()
    std::unique_ptr<FrameReader> m_reader;
    std::unique_ptr<Deflater> m_deflater; // if compression was agreed on
    Timestamp m_readAt;                   // when the bytes came that are being parsed
    QByteArray m_leftover;                // frames that came along with the handshake
    CloseInfo m_closing;                  // how it will have ended, as far as known
    QTimer m_closeDeadline{this};
    QTimer m_pingTimer{this};
    QTimer m_pongDeadline{this};
    quint64 m_receivedBytes = 0;
    quint64 m_receivedFrames = 0;
    bool m_paused = false;
    bool m_compressed = false;
    bool m_readScheduled = false;
    bool m_delivering = false;
    bool m_ended = false;      // TCP is over, the last bytes may still wait to be read
    bool m_discarding = false; // nothing that still comes matters
    bool m_heard = false;      // something came since the last ping
};

} // namespace tidemill::net
