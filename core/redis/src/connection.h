// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "reply_reader.h"
#include "request.h"

#include <QIODevice>
#include <QTimer>

#include <optional>

class QLocalSocket;
class QTcpSocket;

namespace tidemill::redis {

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

    void open();
    // Without a word to anybody; also from within an answer.
    void close();
    bool isOpen() const { return m_state == State::Open; }
    const Url &url() const { return m_url; }

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
    void openLocal();
    void greet();
    void finishGreeting(const Reply &reply, qsizetype index);
    void read();
    bool handle(const Reply &reply);
    void pump();
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
    qsizetype m_greetingsDue = 0;
    bool m_sendsAuth = false;
    QTimer m_deadline{this};
    QTimer m_watchdog{this};
    qint64 m_lastSignMs = 0;
};

} // namespace tidemill::redis
