// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "account.h"
#include "answer.h"

#include <tidemill/net/http_connection.h>

#include <QElapsedTimer>

#include <deque>
#include <vector>

namespace tidemill::pulsestream {

class Poster;

// One connection to the service and the events that go over it, one request at a time. Events of one id go
// over one lane, so the service never has two of them at once.
class Lane final : public QObject
{
    Q_OBJECT

public:
    Lane(Poster &poster, QObject *parent);

    Result<> configure();
    void add(const Account::Item &item) { m_queue.push_back(item); }
    // Sends what is next, unless something is under way.
    void proceed();
    // Asks when there is room again after the rate limit.
    void askForLimit() { ask(Errand::Limit); }
    // Asks anything, to see whether there is an answer.
    void probe() { ask(Errand::Probe); }
    bool isBusy() const { return m_connection.isBusy(); }
    // Forgets its events; and, with the connection, the request under way.
    void clear();
    void close();

private:
    enum class Errand { Post, Limit, Probe };
    using Items = std::vector<Account::Item>;

    void ask(Errand errand);
    Items takeNext();
    void send(Items items);
    void take(const net::HttpReply &reply);
    void takeAnswer(const Answer &answer);
    void takeFates(const Answer &answer);
    void takeBroken(const QString &message);
    void split();
    void putBack();

    Poster &m_poster;
    net::HttpConnection m_connection{this};
    std::deque<Account::Item> m_queue;
    std::deque<Account::Item> m_suspects; // one at a time, behind everything else
    std::vector<Items> m_pieces;          // of requests that were refused as a whole; the last one is next
    Items m_sent;
    QByteArray m_body;
    Errand m_errand = Errand::Post;
    Packing m_packing = Packing::Plain;
    bool m_isBatch = false;
    int m_failuresAlone = 0;       // since anything was stored
    int m_requestsUnsuspected = 0; // in a row
    QElapsedTimer m_since;
};

} // namespace tidemill::pulsestream
