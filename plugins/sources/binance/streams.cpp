// SPDX-License-Identifier: Apache-2.0
#include "streams.h"

#include <QRegularExpression>

namespace tidemill::binance {

namespace {

std::string_view view(const QByteArray &bytes)
{
    return {bytes.constData(), std::size_t(bytes.size())};
}

// Upper-case stream names are accepted and never deliver. Symbols may hold letters of any script, so only
// what has a lower case in Unicode is changed.
QByteArray streamName(const QString &symbol, const QByteArray &suffix)
{
    return symbol.toLower().toUtf8() + '@' + suffix;
}

Result<StreamSpec> parseSbeSuffix(const QString &suffix)
{
    StreamSpec spec{.suffix = suffix.toUtf8(), .interval = {}};
    if (suffix == QLatin1String("trade"))
        spec.kind = StreamKind::Trade;
    else if (suffix == QLatin1String("bestBidAsk"))
        spec.kind = StreamKind::BookTicker;
    else if (suffix == QLatin1String("depth"))
        spec.kind = StreamKind::Depth;
    else if (suffix == QLatin1String("depth20"))
        spec.kind = StreamKind::PartialDepth;
    else
        return Error{Error::Kind::Config,
                     QStringLiteral("expected trade, bestBidAsk, depth or depth20 with format sbe, got '%1'; "
                                    "case matters")
                         .arg(suffix)};
    return spec;
}

} // namespace

Result<StreamSpec> parseStreamSuffix(const QString &suffix, Format format)
{
    static const QRegularExpression kline(
        QStringLiteral("^kline_(1s|1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w|1M)(@\\+08:00)?$"));
    static const QRegularExpression depth(QStringLiteral("^depth(@100ms|@1000ms)?$"));
    static const QRegularExpression partialDepth(QStringLiteral("^depth(5|10|20)(@100ms|@1000ms)?$"));

    if (format == Format::Sbe)
        return parseSbeSuffix(suffix);
    StreamSpec spec;
    spec.suffix = suffix.toUtf8();
    if (suffix == QLatin1String("trade")) {
        spec.kind = StreamKind::Trade;
    } else if (suffix == QLatin1String("aggTrade")) {
        spec.kind = StreamKind::AggTrade;
    } else if (suffix == QLatin1String("bookTicker")) {
        spec.kind = StreamKind::BookTicker;
    } else if (suffix == QLatin1String("ticker")) {
        spec.kind = StreamKind::Ticker;
    } else if (suffix == QLatin1String("miniTicker")) {
        spec.kind = StreamKind::MiniTicker;
    } else if (const auto match = kline.match(suffix); match.hasMatch()) {
        spec.kind = StreamKind::Kline;
        spec.interval = match.captured(1).toUtf8();
        spec.isEastern = !match.captured(2).isEmpty();
    } else if (depth.match(suffix).hasMatch()) {
        spec.kind = StreamKind::Depth;
    } else if (const auto partial = partialDepth.match(suffix); partial.hasMatch()) {
        spec.kind = StreamKind::PartialDepth;
        spec.depth = partial.captured(1).toInt();
    } else {
        return Error{
            Error::Kind::Config,
            QStringLiteral(
                "expected trade, aggTrade, ticker, miniTicker, bookTicker, kline_1m (or another interval), "
                "depth, depth@100ms, depth5, depth10 or depth20 (also with @100ms), got '%1'; case matters")
                .arg(suffix)};
    }
    return spec;
}

StreamState &Streams::add(const QString &symbol, const StreamSpec &spec)
{
    StreamState &state = m_streams.emplace_back();
    state.id = int(m_streams.size()) - 1;
    state.spec = spec;
    state.symbol = Symbol(symbol.toUpper().toUtf8());
    state.stream = Symbol(spec.suffix);
    state.name = streamName(symbol, spec.suffix);
    m_byName.insert_or_assign(view(state.name), &state);
    m_byType.insert(typeKey(spec.kind, state.symbol), &state);
    return state;
}

void Streams::remove(int id)
{
    StreamState &removed = (*this)[id];
    if (isWanted(removed))
        m_byName.erase(view(removed.name));
    m_byType.remove(typeKey(removed.spec.kind, removed.symbol), &removed);
}

bool Streams::isWanted(const StreamState &state) const
{
    const auto found = m_byName.find(view(state.name));
    return found != m_byName.end() && found->second == &state;
}

StreamState *Streams::findByName(std::string_view name)
{
    const auto found = m_byName.find(name);
    return found == m_byName.end() ? nullptr : found->second;
}

StreamState *Streams::findByType(StreamKind kind, std::string_view symbol, std::string_view interval)
{
    const Symbol wanted = Symbol::find({symbol.data(), qsizetype(symbol.size())});
    const auto [from, to] = m_byType.equal_range(typeKey(kind, wanted));
    for (auto found = from; found != to && !wanted.isNull(); ++found) {
        if (interval.empty() || view((*found)->spec.interval) == interval)
            return *found;
    }
    return nullptr;
}

StreamState *Streams::findOnly(StreamKind kind)
{
    StreamState *only = nullptr;
    for (StreamState &state : m_streams) {
        if (state.spec.kind != kind || !isWanted(state))
            continue;
        if (only)
            return nullptr;
        only = &state;
    }
    return only;
}

} // namespace tidemill::binance
