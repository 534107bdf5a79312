// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/feed_source.h>
#include <tidemill/net/json_values.h>

#include <map>

namespace tidemill::net {

// A session whose frames are JSON objects, each of which says all it says by itself. Only a header, for
// decoders, as json_values.h is.
class DecodingSession : public FeedSession
{
public:
    void receive(const Frames &frames) final
    {
        m_received = frames.received();
        for (const Frame &frame : frames) {
            if (const auto decoded = decode(frame.payload); !decoded)
                m_source.rejectFrame(decoded.error(), frame.payload);
        }
        m_source.flush();
    }

protected:
    // Both outlive the session.
    DecodingSession(FeedLink &link, FeedSource &source) : m_link(link), m_source(source) {}

    // The error says what was expected; the frame is counted and shown then.
    virtual Result<> decode(QByteArrayView frame) = 0;

    // Opens a frame where it stands. False: it is no JSON.
    bool open(QByteArrayView frame, json::ondemand::document &document)
    {
        const std::size_t size = std::size_t(frame.size());
        return m_parser.iterate(frame.data(), size, size + simdjson::SIMDJSON_PADDING).get(document) ==
               simdjson::SUCCESS;
    }

    // Whether a record of that stream goes on; counts it otherwise. -1: nobody asked for it.
    bool takes(int stream, Timestamp happened)
    {
        if (stream >= 0)
            return m_source.heard(m_link, stream, happened, m_received);
        m_source.countUnused("not_subscribed");
        return false;
    }

    // For snapshots that mend what is wrong.
    void subscribeAnew(const QList<FeedStream> &streams)
    {
        unsubscribe(streams);
        subscribe(streams);
    }

    FeedLink &m_link;
    FeedSource &m_source;
    Timestamp m_received; // of the frame at hand

private:
    simdjson::ondemand::parser m_parser;
};

// As above, of an exchange that numbers no changes of its books (see BookNumbers): keeps each, so that it can
// be told as a whole when this connection begins to lead. `Book` is an OrderBook, or one with more to it.
template<typename Book>
class BookSession : public DecodingSession
{
public:
    void lead() override
    {
        for (const auto &[stream, book] : m_books)
            m_source.addBook(stream, book, bookDepth(stream), {}, m_received);
        m_source.flush();
    }

protected:
    using DecodingSession::DecodingSession;

    // Levels a side that were asked for; 0: all there are.
    virtual qint64 bookDepth(int) const { return 0; }

    // Puts the levels at hand into that stream's book: all of it, `fresh` before, or a change. Null, and
    // counted, if nobody asked for it, or if it is a change and no snapshot came before.
    Book *keepBook(int stream, bool isSnapshot, Book fresh = Book())
    {
        auto book = m_books.find(stream);
        if (stream < 0) {
            m_source.countUnused("not_subscribed");
            return nullptr;
        }
        if (isSnapshot) {
            book = m_books.insert_or_assign(stream, std::move(fresh)).first;
            book->second.replace(m_bids, m_asks);
        } else if (book == m_books.end()) {
            m_source.countUnused("no_snapshot");
            return nullptr;
        } else {
            book->second.apply(m_bids, m_asks);
        }
        return &book->second;
    }

    // What has just been kept goes out.
    void tellBook(int stream, const Book &book, bool isSnapshot, Timestamp happened)
    {
        if (isSnapshot)
            m_source.addBook(stream, book, bookDepth(stream), happened, m_received);
        else
            m_source.addBookChange(stream, m_bids, m_asks, happened, m_received);
    }

    // It is wrong; says so if `isTold` it was, and asks for a new one.
    void dropBook(int stream, bool isTold, Timestamp happened, QByteArrayView reason)
    {
        if (isTold)
            m_source.addGap(stream, GapCause::Sequence, happened, m_received, reason);
        subscribeAnew({{stream, {}}});
    }

    std::map<int, Book> m_books; // of those that had a snapshot; to be erased with a subscription
    std::vector<Level> m_bids;   // of the frame at hand; kept for their memory
    std::vector<Level> m_asks;
};

} // namespace tidemill::net
