// SPDX-License-Identifier: Apache-2.0
#include "streams.h"

#include <algorithm>
#include <array>

namespace tidemill::kraken {

namespace {

constexpr std::array depths{10, 25, 100, 500, 1000};
constexpr std::array minutes{1, 5, 15, 30, 60, 240, 1440, 10080, 21600};

template<typename Numbers>
std::optional<int> oneOf(const Numbers &allowed, const QString &text)
{
    bool isNumber = false;
    const int number = text.toInt(&isNumber);
    if (!isNumber || std::find(allowed.begin(), allowed.end(), number) == allowed.end())
        return {};
    return number;
}

} // namespace

Result<StreamSpec> parseStreamName(const QString &name)
{
    const QByteArray utf8 = name.toUtf8();
    if (name == QLatin1String("trade"))
        return StreamSpec{Channel::Trade, utf8, 0};
    if (name == QLatin1String("ticker"))
        return StreamSpec{Channel::Ticker, utf8, 0};
    if (name == QLatin1String("book"))
        return StreamSpec{Channel::Book, utf8, depths.front()};
    if (name.startsWith(QLatin1String("book_"))) {
        if (const auto depth = oneOf(depths, name.mid(5)))
            return StreamSpec{Channel::Book, utf8, *depth};
    }
    if (name.startsWith(QLatin1String("ohlc_"))) {
        if (const auto interval = oneOf(minutes, name.mid(5)))
            return StreamSpec{Channel::Ohlc, utf8, *interval};
    }
    return Error{Error::Kind::Config,
                 QStringLiteral("expected trade, ticker, book, book_10|25|100|500|1000 or "
                                "ohlc_1|5|15|30|60|240|1440|10080|21600, got '%1'")
                     .arg(name)};
}

QByteArray channelName(Channel channel)
{
    switch (channel) {
    case Channel::Trade:
        return "trade";
    case Channel::Book:
        return "book";
    case Channel::Ticker:
        return "ticker";
    case Channel::Ohlc:
        return "ohlc";
    }
    return {};
}

void Streams::add(Symbol symbol, const StreamSpec &spec)
{
    m_ids.insert(key(spec.channel, symbol, spec.channel == Channel::Ohlc ? spec.parameter : 0),
                 int(m_streams.size()));
    m_streams.push_back({.spec = spec, .closer = {}});
}

int Streams::find(Channel channel, QByteArrayView symbol, int minutes) const
{
    return m_ids.value(key(channel, Symbol::find(symbol), minutes), -1);
}

quint64 Streams::key(Channel channel, Symbol symbol, int minutes)
{
    return quint64(symbol.id()) << 32 | quint64(channel) << 24 | quint64(minutes);
}

} // namespace tidemill::kraken
