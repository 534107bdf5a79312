// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "reply_reader.h"
#include "request.h"

#include <QIODevice>
#include <QTimer>

#include <optional>
#include <vector>

class QLocalSocket;
class QTcpSocket;

namespace tidemill::redis {

// A connection as its server knows it.
struct ServerSide
{
    QString place;
    QByteArray id;
    QByteArray address; // of our end; ids begin anew when a server is started anew
};

// One connection to one server: made, authenticated, then commands out and answers back in the same order,
// until it fails or is deleted. It is used once.
class Connection : public QObject
{
    Q_OBJECT

public:
    // What is done with the answer that ends a request: for a transaction the array of EXEC or the first
    // error.
    using Answer = std::function<void(Request &&, const Reply &)>;

    Connection(const Settings &settings, const Url &url, Answer answer, QObject *parent);
    ~Connection() override;

    // The first thing it does is to end these.
    void endFirst(std::vector<ServerSide> lost) { m_lost = std::move(lost); }
    void open();
    // Without a word to anybody; also from within an answer.
    void close();
    bool isOpen() const { return m_state == State::Open; }
    const Url &url() const { return m_url; }
    // Known once it is open, and if Settings::endsLostConnections is set.
    const ServerSide &serverSide() const { return m_serverSide; }
    // What the server said against telling it, or against ending a lost one; empty if nothing.
    const QByteArray &endingError() const { return m_endingError; }
    bool hasSent() const { return !m_sent.empty(); } // what is not answered yet

    // Goes out once the connection is open and there is room in its window.
    void add(Request &&request);
    qsizetype unanswered() const { return qsizetype(m_sent.size() + m_waiting.size()); }
    // All of them, oldest first: their owner says what became of them.
    Requests takeUnanswered();

Q_SIGNALS:
    void opened();
    // Once, and nothing after it.
    void failed(const tidemill::redis::Failure &failure);

private:
    enum class State { Closed, Connecting, Greeting, Open };

    void openTcp();
    QString handshakeError(const QString &what) const;
    void openLocal();
    void greet();
    void finishGreeting(const Reply &reply, qsizetype index);
    void noteServerSide(const Reply &reply);
    void read();
    void noteTooLong();
    bool handle(const Reply &reply);
    void pump();
    void sleepUntilAnswered();
    void flush();
    void watch();
    void fail(const QString &what, Error::Kind kind = Error::Kind::Network);
    void fail(const Failure &failure);

    Settings m_settings;
    Url m_url;
    Answer m_answer;
    State m_state = State::Closed;
    QIODevice *m_socket = nullptr; // a child of ours
    ReplyReader m_reader;
    Requests m_sent;
    Requests m_waiting;
    qint64 m_sentBytes = 0;
    bool m_isFlushing = false;
    qsizetype m_greetingsDue = 0;
    bool m_sendsAuth = false;
    std::vector<ServerSide> m_lost;
    ServerSide m_serverSide;
    QByteArray m_endingError;
    QTimer m_deadline{this};
    QTimer m_watchdog{this};
    qint64 m_lastSignMs = 0;
    int m_wakeBytes = 1; // how much must have come before the kernel wakes us
};

} // namespace tidemill::redis
