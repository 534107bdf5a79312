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

} // namespace

Result<StreamSpec> parseStreamSuffix(const QString &suffix)
{
    static const QRegularExpression kline(
        QStringLiteral("^kline_(1s|1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w|1M)(@\\+08:00)?$"));
    static const QRegularExpression depth(QStringLiteral("^depth(@100ms|@1000ms)?$"));
    static const QRegularExpression partialDepth(QStringLiteral("^depth(5|10|20)(@100ms|@1000ms)?$"));

    StreamSpec spec;
    spec.suffix = suffix.toUtf8();
    if (suffix == QLatin1String("trade")) {
        spec.kind = StreamKind::Trade;
    } else if (suffix == QLatin1String("aggTrade")) {
        spec.kind = StreamKind::AggTrade;
    } else if (suffix == QLatin1String("bookTicker")) {
        spec.kind = StreamKind::BookTicker;
    } else if (const auto match = kline.match(suffix); match.hasMatch()) {
        spec.kind = StreamKind::Kline;
        spec.interval = match.captured(1).toUtf8();
    } else if (depth.match(suffix).hasMatch()) {
        spec.kind = StreamKind::Depth;
    } else if (const auto partial = partialDepth.match(suffix); partial.hasMatch()) {
        spec.kind = StreamKind::PartialDepth;
        spec.depth = partial.captured(1).toInt();
    } else {
        return Error{
            Error::Kind::Config,
            QStringLiteral(
                "expected trade, aggTrade, bookTicker, kline_1m (or another interval), depth, depth@100ms, "
                "depth5, depth10 or depth20 (also with @100ms), got '%1'; case matters")
                .arg(suffix)};
    }
    return spec;
}

StreamState &Streams::add(const QString &symbol, const StreamSpec &spec)
{
    StreamState &state = m_streams.emplace_back();
    state.spec = spec;
    state.symbol = Symbol(symbol.toUpper().toUtf8());
    state.stream = Symbol(spec.suffix);
    state.name = streamName(symbol, spec.suffix);
    state.health = {state.symbol.name().toByteArray(), spec.suffix, std::make_shared<std::atomic<qint64>>(0)};
    m_byName.emplace(view(state.name), &state);
    return state;
}

StreamState *Streams::findByName(std::string_view name)
{
    const auto found = m_byName.find(name);
    return found == m_byName.end() ? nullptr : found->second;
}

StreamState *Streams::findByType(StreamKind kind, std::string_view symbol, std::string_view interval)
{
    const Symbol wanted = Symbol::find(QByteArrayView(symbol.data(), qsizetype(symbol.size())));
    for (StreamState &state : m_streams) {
        if (state.spec.kind == kind && state.symbol == wanted && !wanted.isNull() &&
            (interval.empty() || view(state.spec.interval) == interval))
            return &state;
    }
    return nullptr;
}

StreamState *Streams::findOnly(StreamKind kind)
{
    StreamState *only = nullptr;
    for (StreamState &state : m_streams) {
        if (state.spec.kind != kind)
            continue;
        if (only)
            return nullptr;
        only = &state;
    }
    return only;
}

QList<QByteArray> Streams::names() const
{
    QList<QByteArray> names;
    for (const StreamState &state : m_streams)
        names.append(state.name);
    return names;
}

} // namespace tidemill::binance
