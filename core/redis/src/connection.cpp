// SPDX-License-Identifier: Apache-2.0
#include "connection.h"

#include "tls.h"

#include <QDeadlineTimer>
#include <QLocalSocket>
#include <QNetworkProxy>
#include <QPointer>
#include <QSslSocket>

#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace tidemill::redis {

namespace {

// What one read takes from the socket at most: hiredis moves the rest of its buffer after each kilobyte.
constexpr qint64 readBytes = 16LL * 1024;
// So much goes out at once; smaller pieces wait for the event loop, which sends them together.
constexpr qint64 flushBytes = 32LL * 1024;

qint64 nowMs()
{
    return QDeadlineTimer::current(Qt::CoarseTimer).deadline();
}

} // namespace

Connection::Connection(const Settings &settings, const Url &url, Answer answer, QObject *parent)
    : QObject(parent)
    , m_settings(settings)
    , m_url(url)
    , m_answer(std::move(answer))
    , m_reader(settings.maxReplyBytes)
{
    m_deadline.setSingleShot(true);
    connect(&m_deadline, &QTimer::timeout, this, [this] {
        fail(m_state == State::Greeting
                 ? QStringLiteral("connected, but it answered nothing in %1 ms").arg(m_deadline.interval())
                 : QStringLiteral("no connection in %1 ms").arg(m_deadline.interval()));
    });
    m_watchdog.setSingleShot(true);
    connect(&m_watchdog, &QTimer::timeout, this, &Connection::watch);
}

Connection::~Connection()
{
    if (m_socket)
        m_socket->disconnect(this);
}

void Connection::open()
{
    m_state = State::Connecting;
    m_deadline.start(m_settings.connectTimeout);
    // Later, because a socket may report an impossible address from within the call.
    QMetaObject::invokeMethod(
        this,
        [this] {
            if (m_state == State::Connecting)
                m_url.socketPath.isEmpty() ? openTcp() : openLocal();
        },
        Qt::QueuedConnection);
}

void Connection::openTcp()
{
    QTcpSocket *socket = nullptr;
    if (m_url.isSecure) {
        const auto tls = net::tlsConfiguration(m_settings.caFile);
        if (!tls) {
            fail(tls.error().message, tls.error().kind);
            return;
        }
        auto *const secure = new QSslSocket(this);
        secure->setSslConfiguration(*tls);
        connect(secure, &QSslSocket::encrypted, this, &Connection::greet);
        socket = secure;
    } else {
        socket = new QTcpSocket(this);
        connect(socket, &QTcpSocket::connected, this, &Connection::greet);
    }
    socket->setProxy(QNetworkProxy::NoProxy); // without this, Debian's Qt follows http_proxy
    connect(socket, &QTcpSocket::errorOccurred, this, [this, socket](QAbstractSocket::SocketError error) {
        fail(error == QAbstractSocket::SslHandshakeFailedError ? handshakeError(socket->errorString())
                                                               : socket->errorString());
    });
    connect(socket, &QTcpSocket::readyRead, this, &Connection::read);
    m_socket = socket;
    if (auto *const secure = qobject_cast<QSslSocket *>(socket))
        secure->connectToHostEncrypted(m_url.host, m_url.port);
    else
        socket->connectToHost(m_url.host, m_url.port);
}

// What an operator can do about it.
QString Connection::handshakeError(const QString &what) const
{
    return QStringLiteral("no TLS with it: %1 (its certificate must be for this address and signed by %2)")
        .arg(what, m_settings.caFile.isEmpty()
                       ? QStringLiteral("an authority that this system trusts, or by one in ca_file")
                       : QStringLiteral("one in %1").arg(m_settings.caFile));
}

void Connection::openLocal()
{
    auto *const socket = new QLocalSocket(this);
    connect(socket, &QLocalSocket::connected, this, &Connection::greet);
    connect(socket, &QLocalSocket::errorOccurred, this, [this, socket] { fail(socket->errorString()); });
    connect(socket, &QLocalSocket::readyRead, this, &Connection::read);
    m_socket = socket;
    socket->connectToServer(m_url.socketPath);
}

// Who we are, in front of everything else.
void Connection::greet()
{
    m_state = State::Greeting;
    if (auto *const tcp = qobject_cast<QTcpSocket *>(m_socket)) {
        tcp->setSocketOption(QAbstractSocket::LowDelayOption, 1);
        tcp->setSocketOption(QAbstractSocket::KeepAliveOption, 1);
    }
    QByteArray greeting;
    m_sendsAuth = !m_url.password.isEmpty();
    m_greetingsDue = 0;
    const auto append = [&greeting, this](const Command &command) {
        greeting.append(command.bytes());
        ++m_greetingsDue;
    };
    if (m_sendsAuth) {
        Command auth("AUTH");
        if (!m_url.user.isEmpty())
            auth.add(m_url.user);
        append(auth.add(m_url.password));
    }
    append(Command("CLIENT").add("SETNAME").add(m_settings.name));
    if (m_settings.endsLostConnections)
        append(Command("CLIENT").add("INFO"));
    for (const ServerSide &lost : m_lost)
        append(Command("CLIENT").add("KILL").add("ID").add(lost.id).add("ADDR").add(lost.address));
    // The last one also asks whether we are let in at all.
    append(Command("SELECT").add(qint64(m_url.database)));
    m_socket->write(greeting);
}

void Connection::finishGreeting(const Reply &reply, qsizetype left)
{
    const ErrorKind kind = reply.error();
    const auto kills = qsizetype(m_lost.size());
    const qsizetype info = m_settings.endsLostConnections ? kills + 1 : kills;
    // A server without ACL rights for CLIENT SETNAME and the like is one to work with all the same.
    const bool isClient = left > 0 && left <= info + 1;
    const bool isAuthTrouble = kind == ErrorKind::NoAuth || kind == ErrorKind::WrongPass;
    if (isClient && left <= info) {
        if (reply.isError())
            m_endingError = reply.text().toByteArray();
        else if (left == info && info > kills)
            noteServerSide(reply);
    }
    if (reply.isError() && (!isClient || isAuthTrouble)) {
        // SELECT may be forbidden; that matters only if it changes anything.
        if (!(left == 0 && kind == ErrorKind::NoPerm && m_url.database == 0)) {
            fail({describe(reply.text(), m_url.place()), kind});
            return;
        }
    }
    if (left > 0)
        return;
    m_deadline.stop();
    m_state = State::Open;
    QPointer<Connection> self(this);
    emit opened();
    if (self && m_state == State::Open)
        pump();
}

// "id=3 addr=127.0.0.1:40000 ..."
void Connection::noteServerSide(const Reply &reply)
{
    m_serverSide.place = m_url.place();
    for (const QByteArray &word : reply.text().toByteArray().split(' ')) {
        if (word.startsWith("id="))
            m_serverSide.id = word.mid(3);
        else if (word.startsWith("addr="))
            m_serverSide.address = word.mid(5);
    }
}

void Connection::read()
{
    QByteArray bytes(readBytes, Qt::Uninitialized);
    QPointer<Connection> self(this);
    while (self && m_state != State::Closed && m_socket->bytesAvailable() > 0) {
        const qint64 size = m_socket->read(bytes.data(), bytes.size());
        if (size <= 0)
            return;
        m_lastSignMs = nowMs();
        if (const auto fed = m_reader.feed(QByteArrayView(bytes).first(size)); !fed) {
            noteTooLong();
            fail(fed.error().message, fed.error().kind);
            return;
        }
        for (;;) {
            const auto reply = m_reader.next();
            if (!reply) {
                noteTooLong();
                fail(reply.error().message, reply.error().kind);
                return;
            }
            if (!*reply)
                break;
            const bool goesOn = handle(**reply);
            if (!self || !goesOn)
                return;
        }
    }
    if (self && m_state == State::Open) {
        pump();
        sleepUntilAnswered();
    }
}

void Connection::noteTooLong()
{
    if (m_reader.isTooLong() && !m_sent.empty())
        m_sent.front().isTooLong = true;
}

// False when that was the last answer of this connection.
bool Connection::handle(const Reply &reply)
{
    if (m_state == State::Greeting) {
        QPointer<Connection> self(this);
        finishGreeting(reply, --m_greetingsDue);
        return self && m_state != State::Closed;
    }
    if (m_sent.empty()) {
        fail(QStringLiteral("it sent an answer to no command"), Error::Kind::Protocol);
        return false;
    }
    Request &request = m_sent.front();
    if (request.answersToSkip > 0) {
        --request.answersToSkip;
        return true;
    }
    --request.answersDue;
    if (request.isTransaction && reply.isError() && request.firstError.isNull())
        request.firstError = reply.text().toByteArray();
    if (request.answersDue > 0)
        return true;

    Request done = std::move(request);
    m_sent.pop_front();
    m_sentBytes -= done.bytes.size();
    const QByteArray error = done.firstError;
    // An error in the answer of EXEC itself is no error of a command in it.
    const Reply answer = error.isNull() ? reply : Reply::ofText(Reply::Kind::Error, error);
    QPointer<Connection> self(this);
    m_answer(std::move(done), answer);
    return self && m_state != State::Closed;
}

void Connection::add(Request &&request)
{
    m_waiting.push_back(std::move(request));
    if (m_state == State::Open)
        pump();
}

void Connection::pump()
{
    while (!m_waiting.empty()) {
        Request &next = m_waiting.front();
        const bool fits = qsizetype(m_sent.size()) < m_settings.maxInFlight &&
                          m_sentBytes + next.bytes.size() <= m_settings.maxInFlightBytes;
        if (!fits && !m_sent.empty())
            break;
        if (m_sent.empty())
            m_lastSignMs = nowMs(); // silence counts from the question
        m_sentBytes += next.bytes.size();
        m_socket->write(next.bytes);
        m_sent.push_back(std::move(next));
        m_waiting.pop_front();
    }
    if (!m_sent.empty() && !m_watchdog.isActive())
        m_watchdog.start(m_settings.replyTimeout);
    if (m_socket->bytesToWrite() >= flushBytes)
        flush();
    sleepUntilAnswered();
}

// A server works on a long transaction in pieces and answers each of them; to be woken for every piece costs
// more than what is in it. None of these answers is shorter than "+QUEUED", but for the first and the last
// one; one may be read in part. TLS keeps parts of records to itself, so there this cannot be known.
void Connection::sleepUntilAnswered()
{
#ifdef Q_OS_LINUX
    constexpr int queuedBytes = 9;
    constexpr qsizetype worthIt = 32;
    constexpr qsizetype most = 4096; // answers; the kernel keeps room for them
    auto *const tcp = qobject_cast<QTcpSocket *>(m_socket);
    if (!tcp || m_url.isSecure)
        return;
    const bool isLong =
        !m_sent.empty() && m_sent.front().isTransaction && m_sent.front().answersDue > worthIt;
    const int wakeBytes = isLong ? int(std::min(m_sent.front().answersDue, most) - 3) * queuedBytes : 1;
    if (wakeBytes == m_wakeBytes)
        return;
    if (setsockopt(int(tcp->socketDescriptor()), SOL_SOCKET, SO_RCVLOWAT, &wakeBytes, sizeof wakeBytes) == 0)
        m_wakeBytes = wakeBytes;
#endif
}

// The server has it now and not when we come back to the event loop, where whoever gave it to us may be long
// in coming.
void Connection::flush()
{
    m_isFlushing = true;
    if (auto *const tcp = qobject_cast<QTcpSocket *>(m_socket))
        tcp->flush();
    else if (auto *const local = qobject_cast<QLocalSocket *>(m_socket))
        local->flush();
    m_isFlushing = false;
}

void Connection::watch()
{
    if (m_sent.empty())
        return;
    const auto limit = m_settings.replyTimeout + m_sent.front().blockTime;
    const auto silent = std::chrono::milliseconds(nowMs() - m_lastSignMs);
    if (silent >= limit)
        fail(QStringLiteral("no answer for %1 ms").arg(silent.count()));
    else
        m_watchdog.start(qMax(limit - silent, std::chrono::milliseconds(10)));
}

Requests Connection::takeUnanswered()
{
    Requests all = std::exchange(m_sent, {});
    for (Request &request : m_waiting)
        all.push_back(std::move(request));
    m_waiting.clear();
    return all;
}

void Connection::fail(const QString &what, Error::Kind kind)
{
    fail({{kind, QStringLiteral("Redis at %1: %2").arg(m_url.place(), what)}, ErrorKind::None});
}

void Connection::fail(const Failure &failure)
{
    if (m_state == State::Closed)
        return;
    if (m_isFlushing) { // never from within add()
        QMetaObject::invokeMethod(
            this, [this, failure] { fail(failure); }, Qt::QueuedConnection);
        return;
    }
    close();
    emit failed(failure);
}

void Connection::close()
{
    m_state = State::Closed;
    m_deadline.stop();
    m_watchdog.stop();
    if (m_socket) {
        m_socket->disconnect(this);
        m_socket->deleteLater();
        if (auto *const tcp = qobject_cast<QTcpSocket *>(m_socket)) {
            // Else the kernel goes on sending what it has.
            const linger atOnce{1, 0};
            if (hasSent())
                setsockopt(int(tcp->socketDescriptor()), SOL_SOCKET, SO_LINGER, &atOnce, sizeof atOnce);
            tcp->abort();
        } else if (auto *const local = qobject_cast<QLocalSocket *>(m_socket)) {
            local->abort();
        }
        m_socket = nullptr;
    }
}

} // namespace tidemill::redis
