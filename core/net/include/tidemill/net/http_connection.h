// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/http_client.h>

#include <QElapsedTimer>
#include <QNetworkProxy>
#include <QObject>
#include <QTimer>

#include <memory>

class QTcpSocket;

namespace tidemill::net {

class HttpReplyReader;
class ProxyTunnel;

// One HTTP/1.1 connection to one peer for requests with a body, kept open between them: for sinks that post.
// HttpClient, which is for REST, cannot serve them: Qt's own client splits what is longer than 16 KiB into
// two writes, and such a request takes 40 ms (Nagle's algorithm against delayed acknowledgements). Here head
// and body are one write, on a socket that does not delay.
//
// TLS verified, a proxy only if set, no cookies, no compression, no redirects followed, sizes and times
// limited. It never sends a request twice: of one whose connection ended before an answer nobody knows
// whether it arrived, and only the caller knows whether a repetition does harm. The connection is made when
// it is needed.
class TIDEMILL_NET_EXPORT HttpConnection final : public QObject
{
    Q_OBJECT

public:
    explicit HttpConnection(QObject *parent = nullptr);
    ~HttpConnection() override;

    // Whom to talk to: scheme, host and port of `address`, of which the rest is not used. Before the first
    // send(). An error if the address, the CA file or the proxy cannot be used.
    Result<> configure(const QUrl &address, const HttpSettings &settings);

    // One request at a time, with an answer in finished() later, never within the call. `target` is path and
    // query as they are sent; Host, Content-Length and User-Agent are added.
    void send(const QByteArray &method, const QByteArray &target, const HeaderList &headers,
              const QByteArray &body = {});
    bool isBusy() const { return m_isBusy; }

    // Of the last request, from finished() on: bytes of it were given to the connection, so that even without
    // an answer it may have taken effect.
    bool mayHaveArrived() const { return m_isSent; }

    // Ends the connection at once; a request under way is forgotten without finished().
    void close();

    // Servers end what has been idle for 5 s (uvicorn, Node.js). A request must not cross that on its way, so
    // a connection that was idle for this long is made anew.
    static constexpr std::chrono::milliseconds longestIdle{4'000};

Q_SIGNALS:
    void finished(const tidemill::net::HttpReply &reply);

private:
    void start();
    void connectSocket();
    void openTunnel();
    void readTunnel();
    void writeRequest();
    void read();
    void lose();
    QString way() const;
    void fail(const QString &what, Error::Kind kind = Error::Kind::Network);
    void finish();

    QUrl m_address;
    HttpSettings m_settings;
    QSslConfiguration m_tls;
    QNetworkProxy m_proxy;
    QTcpSocket *m_socket = nullptr;
    std::unique_ptr<ProxyTunnel> m_tunnel; // until the proxy has opened it
    std::unique_ptr<HttpReplyReader> m_reader;
    QByteArray m_request;
    QString m_refusal; // why this request cannot be sent at all
    QTimer m_deadline{this};
    QElapsedTimer m_idle;
    bool m_isBusy = false;
    bool m_isOpen = false; // requests can be written
    bool m_isReused = false;
    bool m_isSent = false;
};

} // namespace tidemill::net
