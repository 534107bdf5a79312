// SPDX-License-Identifier: Apache-2.0
#include "decoder.h"
#include "snapshot_fetcher.h"

#include <tidemill/net/feed_connection.h>
#include <tidemill/plugin.h>

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSet>

Q_LOGGING_CATEGORY(lcBinance, TIDEMILL_LOG_CATEGORY)

namespace tidemill::binance {

namespace {

constexpr int maxStreams = 1024;       // of one connection, by the exchange's rule
constexpr int streamsPerMessage = 100; // the exchange counts messages, proxies count bytes
// A snapshot older than the first buffered event cannot be joined; the exchange needs a moment to have a
// newer one.
constexpr std::chrono::seconds snapshotPause{1};

QString excerpt(QByteArrayView frame)
{
    return QString::fromUtf8(frame.first(std::min<qsizetype>(frame.size(), 200)));
}

QByteArray subscribeMessage(const QList<QByteArray> &names, qint64 id)
{
    QJsonArray params;
    for (const QByteArray &name : names)
        params.append(QString::fromUtf8(name));
    return QJsonDocument(QJsonObject{{"method", "SUBSCRIBE"}, {"params", params}, {"id", id}})
        .toJson(QJsonDocument::Compact);
}

} // namespace

// Market data of Binance spot over one WebSocket. Backoff, silence and limits are net::FeedConnection's; what
// frames mean is in decoder.cpp, how books come about in book_sync.cpp; both are tested without a network.
class Binance final : public Source
{
    Q_OBJECT

public:
    OptionList options() override
    {
        return {
            Option("symbols", m_symbols, "Symbols in the exchange's spelling.")
                .required()
                .notEmpty()
                .example("[BTCUSDT]"),
            Option(
                "streams", m_streamNames,
                "What to collect of each symbol: trade, aggTrade, bookTicker, kline_INTERVAL, depth[@100ms], "
                "depth5|10|20[@100ms].")
                .required()
                .notEmpty()
                .example("[depth@100ms, trade]"),
            Option("url", m_url, "WebSocket address, without a path."),
            Option("rest_url", m_restUrl, "REST address, for book snapshots."),
            Option("combined", m_combined, "Ask for frames that name their stream (/stream instead of /ws)."),
            Option("books", m_books,
                   "Join depth streams with REST snapshots, so that books can be kept; false passes changes "
                   "only."),
            Option("snapshot_depth", m_snapshotDepth, "Levels a side of a book snapshot.")
                .atLeast(5)
                .atMost(5000),
            Option("microseconds", m_microseconds, "Ask for times in microseconds instead of milliseconds."),
            Option("silence", m_silence,
                   "Without a message for so long the connection is probed, then replaced.")
                .atLeast(1000),
            Option("ca_file", m_caFile, "PEM file of certificate authorities to trust instead of the system's."),
        };
    }

    OptionErrors validate() override
    {
        OptionErrors errors;
        const auto add = [&errors](const char *option, const QString &message) {
            errors.append({QLatin1String(option), message, {}, {}});
        };
        m_specs.clear();
        for (const QString &name : m_streamNames) {
            if (const auto spec = parseStreamSuffix(name))
                m_specs.append(*spec);
            else
                add("streams", spec.error().message);
        }
        if (m_symbols.size() * m_streamNames.size() > maxStreams)
            add("symbols",
                QStringLiteral(
                    "%1 symbols with %2 streams each are more than the %3 streams of one connection")
                    .arg(m_symbols.size())
                    .arg(m_streamNames.size())
                    .arg(maxStreams));
        const auto repeated = [](const QStringList &list) {
            return QSet(list.begin(), list.end()).size() != list.size();
        };
        if (repeated(m_symbols))
            add("symbols", QStringLiteral("a symbol stands there twice"));
        if (repeated(m_streamNames))
            add("streams", QStringLiteral("a stream stands there twice"));
        const bool partial = std::any_of(m_specs.begin(), m_specs.end(), [](const StreamSpec &spec) {
            return spec.kind == StreamKind::PartialDepth;
        });
        if (partial && !m_combined && m_symbols.size() > 1)
            add("combined", QStringLiteral("must be true: frames of depth5, depth10 and depth20 do not say "
                                           "which of the %1 symbols they are of")
                                .arg(m_symbols.size()));
        const QUrl url(m_url);
        if (url.scheme() != QLatin1String("ws") && url.scheme() != QLatin1String("wss"))
            add("url", QStringLiteral("expected an address that begins with wss:// (or ws://), got '%1'")
                           .arg(m_url));
        const QUrl rest(m_restUrl);
        if (rest.scheme() != QLatin1String("http") && rest.scheme() != QLatin1String("https"))
            add("rest_url",
                QStringLiteral("expected an address that begins with https:// (or http://), got '%1'")
                    .arg(m_restUrl));
        return errors;
    }

    Result<> start() override
    {
        QList<Source::Stream> health;
        for (const QString &symbol : std::as_const(m_symbols)) {
            for (const StreamSpec &spec : std::as_const(m_specs)) {
                StreamState &stream = m_streams.add(symbol, spec);
                if (spec.kind == StreamKind::Depth)
                    stream.book = std::make_unique<BookSync>(stream.symbol, stream.stream, m_books);
                health.append(stream.health);
            }
        }
        emit streamsChanged(health);

        net::HttpSettings http;
        http.caFile = m_caFile;
        if (const auto configured = m_snapshots.configure(QUrl(m_restUrl), int(m_snapshotDepth), http);
            !configured)
            return configured.error();
        connect(&m_snapshots, &SnapshotFetcher::fetched, this, &Binance::joinSnapshot);
        connect(&m_snapshots, &SnapshotFetcher::failed, this, [this](const QString &reason) {
            emit degraded({Error::Kind::Network, reason});
            m_snapshotTrouble = true;
        });

        connect(&m_feed, &net::FeedConnection::opened, this, &Binance::subscribe);
        connect(&m_feed, &net::FeedConnection::framesReceived, this, &Binance::decodeFrames);
        connect(&m_feed, &net::FeedConnection::lost, this, &Binance::handleLost);
        connect(&m_feed, &net::FeedConnection::recovered, this, [this](Timestamp) { emit recovered(); });
        m_reconnects =
            counter("tidemill_connection_losses_total", "Connections lost, and attempts that failed.");
        m_upkeep.start(std::chrono::seconds(1));
        connect(&m_upkeep, &QTimer::timeout, this, &Binance::expireHeld);
        return m_feed.open(feedSettings());
    }

    void stop() override
    {
        m_upkeep.stop();
        m_snapshots.cancel();
        // What was held back for a snapshot that will not come any more still goes out.
        m_decoder.disconnected();
        m_feed.close();
    }

    void setPaused(bool paused) override
    {
        if (paused)
            m_feed.pause();
        else
            m_feed.resume();
    }

private:
    net::FeedSettings feedSettings() const
    {
        net::FeedSettings settings;
        settings.url = QUrl(m_url);
        QString path = settings.url.path();
        while (path.endsWith(QLatin1Char('/')))
            path.chop(1);
        settings.url.setPath(path + (m_combined ? QStringLiteral("/stream") : QStringLiteral("/ws")));
        if (m_microseconds)
            settings.url.setQuery(QStringLiteral("timeUnit=MICROSECOND"));
        settings.caFile = m_caFile;
        settings.silenceLimit = m_silence;
        return settings;
    }

    void subscribe()
    {
        m_unconfirmed.clear();
        const QList<QByteArray> names = m_streams.names();
        for (qsizetype from = 0; from < names.size(); from += streamsPerMessage) {
            const qint64 id = ++m_lastRequest;
            m_unconfirmed.insert(id);
            m_feed.send(subscribeMessage(names.mid(from, streamsPerMessage), id));
        }
    }

    // All frames of one socket read: views into its buffer, stamped once, when the bytes were read, so that
    // our own parsing time never counts as the exchange's latency.
    void decodeFrames(const net::Frames &frames)
    {
        for (const net::Frame &frame : frames) {
            const auto decoded = m_decoder.decode(frame.payload, frames.received());
            if (!decoded)
                reject("bad_frame", decoded.error().message + QLatin1String(": ") + excerpt(frame.payload));
            else if (decoded->kind == Decoded::Kind::Control)
                handleControl(decoded->reply);
            else if (decoded->kind == Decoded::Kind::Shutdown)
                m_feed.recycle(QStringLiteral("the exchange announced that it will shut this server down"));
        }
        m_out.flush();
        requestSnapshots();
    }

    void handleControl(const ControlReply &reply)
    {
        if (reply.errorCode) {
            m_feed.recycle(QStringLiteral("subscription refused: %1 (code %2)")
                               .arg(QString::fromUtf8(reply.message))
                               .arg(*reply.errorCode));
            return;
        }
        if (reply.id && m_unconfirmed.remove(*reply.id) && m_unconfirmed.isEmpty()) {
            qCInfo(lcBinance).noquote() << context().name + QLatin1Char(':') << "subscribed to"
                                        << m_streams.all().size() << "streams";
            m_feed.confirmSubscribed();
        }
    }

    void handleLost(const net::LostInfo &info)
    {
        m_reconnects.add();
        m_snapshots.cancel();
        m_decoder.disconnected();
        emit degraded({info.kind, QStringLiteral("connection lost: %1; trying again in %2 ms")
                                      .arg(info.reason)
                                      .arg(info.nextTry.count())});
    }

    void requestSnapshots()
    {
        if (!m_books)
            return;
        for (StreamState &stream : m_streams.all()) {
            if (stream.book && stream.book->wantsSnapshot() && !m_pausedSnapshots.contains(&stream))
                m_snapshots.request(&stream);
        }
    }

    void joinSnapshot(StreamState *stream, const QByteArray &body)
    {
        const auto id = m_decoder.decodeDepth(body);
        if (!id) {
            reject("bad_snapshot", id.error().message);
        } else {
            BookSnapshot header{.exchange = Symbol("binance"),
                                .symbol = stream->symbol,
                                .ts_recv = Timestamp::now(),
                                .last_update_id = *id,
                                .depth = m_snapshotDepth};
            stream->book->snapshot(header, m_decoder.bids(), m_decoder.asks(), m_out);
            m_out.flush();
        }
        if (std::exchange(m_snapshotTrouble, false) && m_feed.state() == net::FeedConnection::State::Live)
            emit recovered();
        if (!stream->book->wantsSnapshot())
            return;
        // Too old to be joined, or unreadable: not again at once.
        m_pausedSnapshots.insert(stream);
        QTimer::singleShot(snapshotPause, this, [this, stream] {
            m_pausedSnapshots.remove(stream);
            requestSnapshots();
        });
    }

    void expireHeld()
    {
        for (StreamState &stream : m_streams.all()) {
            if (stream.book)
                stream.book->expire(Timestamp::now(), m_out);
        }
        m_out.flush();
    }

    QStringList m_symbols;
    QStringList m_streamNames;
    QString m_url = QStringLiteral("wss://data-stream.binance.vision");
    QString m_restUrl = QStringLiteral("https://data-api.binance.vision");
    bool m_combined = true;
    bool m_books = true;
    qint64 m_snapshotDepth = 1000;
    bool m_microseconds = false;
    std::chrono::milliseconds m_silence = std::chrono::seconds(60);
    QString m_caFile;

    QList<StreamSpec> m_specs;
    Streams m_streams;
    RecordsOut m_out{[this](const BatchPtr &batch) { emit emitted(batch); }};
    Decoder m_decoder{m_streams, m_out};
    QSet<qint64> m_unconfirmed; // ids of subscriptions that the exchange has not answered
    qint64 m_lastRequest = 0;
    bool m_snapshotTrouble = false;
    QSet<StreamState *> m_pausedSnapshots;
    Counter m_reconnects;
    QTimer m_upkeep{this};
    SnapshotFetcher m_snapshots{this};
    // Last, so that it goes first: it still reports to the members above.
    net::FeedConnection m_feed{this};
};

} // namespace tidemill::binance

using tidemill::binance::Binance;
TIDEMILL_PLUGIN(Binance, "binance.json")

#include "binance.moc"
