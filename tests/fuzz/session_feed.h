// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fuzz.h"

#include <tidemill/json.h>
#include <tidemill/net/testing.h>

#include <QCoreApplication>

namespace tidemill::fuzz {

// A session of a source without a network, which takes frames and prints what they became.
class SessionFeed
{
public:
    SessionFeed(const char *exchange, char behind) : m_behind(behind), source((application(), exchange))
    {
        QObject::connect(&source, &Source::emitted, &source, [this](const BatchPtr &batch) {
            for (qsizetype row = 0; row < batch->rowCount(); ++row)
                appendRecord(m_printed, *batch, row);
        });
    }

    // At most that much of a frame counts, and behind it stands what a socket might have brought next.
    void take(net::FeedSession &session, QByteArrayView frame)
    {
        const QByteArray padded = frame.toByteArray() + QByteArray(64, m_behind);
        const net::Frame one{.payload = QByteArrayView(padded).first(frame.size())};
        m_now.ns += 1'000'000;
        session.receive(net::Frames({&one, 1}, m_now));
    }

    const QByteArray &printed() const { return m_printed; }

private:
    static void appendRecord(QByteArray &out, const Batch &batch, qsizetype row)
    {
        for (const Field &field : batch.schema().fields())
            out.append(fieldText(batch, row, field)).append(' ');
        out.append('\n');
    }

    // Timers and the network access of a source want one, though nothing here waits for an event.
    static void application()
    {
        static int count = 1;
        static char name[] = "fuzz";
        static char *arguments[] = {name, nullptr};
        if (!QCoreApplication::instance())
            new QCoreApplication(count, arguments);
    }

    char m_behind;
    Timestamp m_now{1'772'442'918'000'000'000};
    QByteArray m_printed;

public:
    net::FakeLink link;
    net::BareSource source;
};

// A session and what it refers to beside it.
template<typename Session, typename Streams>
class KeptSession : public net::FeedSession
{
public:
    void subscribe(const QList<net::FeedStream> &changed) override { session->subscribe(changed); }
    void unsubscribe(const QList<net::FeedStream> &changed) override { session->unsubscribe(changed); }
    void receive(const net::Frames &frames) override { session->receive(frames); }

protected:
    // To the source; the derived class adds it to `streams`.
    void add(SessionFeed &feed, Symbol symbol, const QByteArray &name, bool isTrades)
    {
        using Numbers = net::FeedSource::Numbers;
        feed.source.addStream(symbol, Symbol(name), name, isTrades ? Numbers::Trades : Numbers::None);
        m_wanted.append({int(m_wanted.size()), name});
    }
    void begin(std::unique_ptr<Session> made)
    {
        session = std::move(made);
        session->subscribe(m_wanted);
    }

    Streams streams;
    std::unique_ptr<Session> session;

private:
    QList<net::FeedStream> m_wanted;
};

// Runs the input, one frame a line, through two sessions that differ in what lies behind each frame only.
// make(feed): the session, with its streams subscribed.
template<typename Make>
void compareSessions(const char *exchange, QByteArrayView input, Make make)
{
    SessionFeed blanks(exchange, ' ');
    SessionFeed digits(exchange, '1');
    const auto first = make(blanks);
    const auto second = make(digits);
    while (!input.isEmpty()) {
        const qsizetype end = input.indexOf('\n');
        const QByteArrayView line = end < 0 ? input : input.first(end);
        input = end < 0 ? QByteArrayView() : input.sliced(end + 1);
        blanks.take(*first, line);
        digits.take(*second, line);
    }
    require(blanks.printed() == digits.printed(), "what lies behind a frame changes nothing");
}

} // namespace tidemill::fuzz
