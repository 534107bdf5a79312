// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/backoff.h>
#include <tidemill/redis/client.h>

#include <QTimer>

namespace tidemill::redis {

// Keeps a client connected: opens it, and again after a backoff whenever it has failed. Says also when to ask
// again after a server's refusal. For owners whose unsent work is safe elsewhere (entries of a stream stay
// where they are); a sink's next try is the host's business.
class Reconnector : public QObject
{
    Q_OBJECT

public:
    explicit Reconnector(Client &client, QObject *parent = nullptr);

    void start();
    // Leaves the client as it is, and closed once it has failed.
    void finish();
    // Closes it.
    void stop();
    Client &client() const { return m_client; }

    // The server is there and has refused what was asked (it loads its data, its memory is full): askAgain()
    // comes after a backoff of its own, unless stop() comes first.
    void noteRefusal();
    bool isWaitingToAsk() const { return m_refusalTimer.isActive(); }
    // Useful work was done: the next loss, or refusal, begins with a short wait again. Not after a mere
    // connect, or a server that hangs up at once would be asked at full speed.
    void noteProgress();

Q_SIGNALS:
    // The connection may have been lost meanwhile.
    void askAgain();

private:
    Client &m_client;
    Backoff m_backoff;
    QTimer m_timer{this};
    Backoff m_refusalBackoff;
    QTimer m_refusalTimer{this};
    bool m_runs = false;
};

} // namespace tidemill::redis
