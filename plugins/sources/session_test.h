// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/testing.h>
#include <tidemill/testing.h>

#include <QObject>
#include <QSignalSpy>

#include <memory>

namespace tidemill::testing {

// One session of a source, what it refers to, and what it makes of frames. Without a network.
template<typename Session, typename Streams>
class SessionTest : public QObject
{
protected:
    using Numbers = net::FeedSource::Numbers;

    // Without a session; that is the test's to make, when the streams are there.
    void begin(const char *exchange)
    {
        m_session.reset();
        m_source = std::make_unique<net::BareSource>(exchange);
        m_link = std::make_unique<net::FakeLink>();
        m_streams = Streams();
        m_emitted = std::make_unique<QSignalSpy>(m_source.get(), &Source::emitted);
    }

    // Where streams are known by their channel.
    template<typename Channel>
    void add(const char *symbolName, Channel channel, Numbers numbers)
    {
        const Symbol symbol = *symbolName ? Symbol(symbolName) : Symbol();
        const QByteArray name = channelName(channel);
        m_source->addStream(symbol, Symbol(name), name, numbers);
        m_streams.add(channel, symbol);
    }

    void deliver(const QByteArrayList &frames) { net::deliver(*m_session, frames, received); }
    int rejected() { return int(m_source->metrics["tidemill_rejected_total bad_frame"]); }

    inline static const Timestamp received{1772442918000000000};

    std::unique_ptr<net::BareSource> m_source;
    std::unique_ptr<net::FakeLink> m_link;
    Streams m_streams;
    std::unique_ptr<QSignalSpy> m_emitted;
    std::unique_ptr<Session> m_session;
};

} // namespace tidemill::testing
