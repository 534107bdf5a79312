// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/candle_closer.h>
#include <tidemill/result.h>

#include <QHash>

#include <vector>

namespace tidemill::kraken {

enum class Channel { Trade, Book, Ticker, Ohlc };

// What an option such as "book_25" or "ohlc_5" asks for.
struct StreamSpec
{
    Channel channel = Channel::Trade;
    QByteArray name;   // as in the option, for records and health
    int parameter = 0; // levels of a book, minutes of a candle
};

// The message says what is possible.
Result<StreamSpec> parseStreamName(const QString &name);

QByteArray channelName(Channel channel);

// What Kraken's streams have beside what all sources' have, and what outlives a connection.
struct Stream
{
    StreamSpec spec;
    net::CandleCloser closer;
};

// Streams by the id that the feed knows them by, and by what frames say.
class Streams
{
public:
    // Ids rise from 0, as those of net::FeedSource do.
    void add(Symbol symbol, const StreamSpec &spec);

    Stream &operator[](int id) { return m_streams[std::size_t(id)]; }
    // -1: none. There is one book depth and any number of candle intervals for a symbol.
    int find(Channel channel, QByteArrayView symbol, int minutes = 0) const;

private:
    static quint64 key(Channel channel, Symbol symbol, int minutes);

    std::vector<Stream> m_streams;
    QHash<quint64, int> m_ids;
};

} // namespace tidemill::kraken
