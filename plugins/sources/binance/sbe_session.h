// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control_session.h"
#include "sbe_peek.h"

#include <tidemill/net/feed_source.h>

namespace tidemill::binance {

// Binance's SBE streams on one connection. Data frames go out as they are, as `frame` records, once; what
// tells holes and repeats is looked up in them. Trades in a hole come from history, as records of their own.
class SbeSession final : public ControlSession
{
public:
    SbeSession(net::FeedLink &link, net::FeedSource &source, Streams &streams)
        : ControlSession(link)
        , m_source(source)
        , m_streams(streams)
        , m_connection(source.now().ns)
    {}

    void receive(const net::Frames &frames) override;

private:
    // Whether the frame is to go out.
    bool follows(QByteArrayView payload, Timestamp received);
    bool followsTrades(StreamState &stream, const SbePeek &peek, Timestamp received);
    bool followsChanges(StreamState &stream, const SbePeek &peek, Timestamp received);

    net::FeedSource &m_source;
    Streams &m_streams;
    simdjson::ondemand::parser m_parser;
    const qint64 m_connection; // when it began: no other has that number, not even after a restart
    qint64 m_sequence = 0;
};

} // namespace tidemill::binance
