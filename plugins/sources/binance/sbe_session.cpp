// SPDX-License-Identifier: Apache-2.0
#include "sbe_session.h"

#include "json_session.h"

namespace tidemill::binance {

void SbeSession::receive(const net::Frames &frames)
{
    static const Symbol stream("sbe");
    for (const net::Frame &frame : frames) {
        ++m_sequence;
        if (frame.text) {
            const auto notice = decodeNotice(m_parser, frame.payload);
            if (notice)
                handle(*notice, frames.received());
            else
                m_source.rejectFrame(notice.error(), frame.payload);
        } else if (follows(frame.payload, frames.received())) {
            m_source.out().add(Frame{.exchange = m_source.exchange(),
                                     .stream = stream,
                                     .ts_recv = frames.received(),
                                     .connection = m_connection,
                                     .sequence = m_sequence,
                                     .payload = {}},
                               frame.payload);
        }
    }
    m_source.flush();
}

bool SbeSession::follows(QByteArrayView payload, Timestamp received)
{
    const auto peek = SbePeek::read(payload);
    StreamState *stream = peek ? m_streams.findByType(peek->kind(), peek->symbol()) : nullptr;
    if (!stream) {
        link().heardPeer(received);
        return !peek; // what is no message that we know is for the decoder to judge
    }
    switch (peek->kind()) {
    case StreamKind::Trade:
        return followsTrades(*stream, *peek, received);
    case StreamKind::Depth:
        return followsChanges(*stream, *peek, received);
    default:
        return isNewest(link(), m_source, *stream, peek->lastId(), peek->happened(), received);
    }
}

bool SbeSession::followsTrades(StreamState &stream, const SbePeek &peek, Timestamp received)
{
    if (!m_source.heard(link(), stream.id, peek.happened(), received) || peek.tradeCount() == 0)
        return false;
    // History may have brought some of them already, and another connection all.
    bool isNew = true;
    for (qsizetype i = 0; isNew && i < peek.tradeCount(); ++i)
        isNew = m_source.lacks(stream.id, peek.tradeId(i));
    Trade trade{.exchange = m_source.exchange(),
                .symbol = stream.symbol,
                .ts_event = peek.happened(),
                .ts_recv = received};
    for (qsizetype i = 0; i < peek.tradeCount(); ++i) {
        peek.readTrade(i, trade);
        // Its frame goes out: this one is only counted. Of a frame that is not all news, what is goes out as
        // a trade.
        if (isNew)
            trade.price = Decimal::null();
        m_source.add(stream.id, trade);
    }
    return isNew;
}

bool SbeSession::followsChanges(StreamState &stream, const SbePeek &peek, Timestamp received)
{
    net::FeedSource::Stream &known = m_source.stream(stream.id);
    const bool wasInterrupted = std::exchange(known.interrupted, false);
    const Timestamp before = known.lastReceived;
    if (!m_source.heard(link(), stream.id, peek.happened(), received))
        return false;
    const qint64 expected = stream.lastNumber;
    const bool isOlder = peek.lastId() <= expected;
    if (isOlder && peek.happened() - stream.lastEvent <= BookSync::startOverAfter) {
        m_source.countRepeat();
        return false;
    }
    if (isOlder || (expected > 0 && hasHole(expected, peek.firstId()))) {
        Gap gap{.exchange = m_source.exchange(),
                .symbol = stream.symbol,
                .stream = stream.stream,
                .ts_event = peek.happened(),
                .ts_recv = received,
                .ts_from = m_source.gapFrom(stream.id, before),
                .ts_to = received};
        if (!isOlder) {
            gap.first_missing = expected + 1;
            gap.last_missing = peek.firstId() - 1;
        }
        gap.cause = wasInterrupted ? GapCause::Disconnect : GapCause::Sequence;
        m_source.out().add(gap, isOlder          ? "update ids start over"
                                : wasInterrupted ? "not connected"
                                                 : "update ids jumped");
    }
    stream.lastNumber = peek.lastId();
    stream.lastEvent = peek.happened();
    return true;
}

} // namespace tidemill::binance
