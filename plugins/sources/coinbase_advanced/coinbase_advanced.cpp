// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <tidemill/net/wanted_streams.h>
#include <tidemill/plugin.h>

#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>

namespace tidemill::coinbase_advanced {

namespace {

constexpr qint64 maxKeyFileBytes = 64 * 1024;

struct ApiKey
{
    QString name;
    QString secret;
};

// The file that Coinbase gives out with a key: {"name": ..., "privateKey": ...}.
Result<ApiKey> readKeyFile(const QString &path)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return Error{Error::Kind::Config, QStringLiteral("key_file %1: %2").arg(path, file.errorString())};
    const QJsonObject key = QJsonDocument::fromJson(file.read(maxKeyFileBytes)).object();
    const ApiKey read{
        key.value(key.contains("name") ? QLatin1String("name") : QLatin1String("id")).toString(),
        key.value(QLatin1String("privateKey")).toString()};
    if (read.name.isEmpty() || read.secret.isEmpty())
        return Error{
            Error::Kind::Config,
            QStringLiteral("key_file %1: expected a JSON object with name and privateKey").arg(path)};
    return read;
}

} // namespace

// Market data of Coinbase Advanced Trade, with or without a key. What frames mean is in session.cpp; all else
// is every source's.
class CoinbaseAdvanced final : public net::FeedSource
{
    Q_OBJECT

public:
    CoinbaseAdvanced()
        : FeedSource("coinbase_advanced", "wss://advanced-trade-ws.coinbase.com", "https://api.coinbase.com")
    {}

    OptionList options() override
    {
        return m_wanted.options("Products, as in BTC-USD.", "[BTC-USD]",
                                "What to collect of each product: candles (of five minutes), ticker, "
                                "ticker_batch, market_trades, level2, status.",
                                "[candles]") +
               OptionList{
                   Option("key_name", m_key.name,
                          "Name of an API key (organizations/.../apiKeys/...); market data needs none."),
                   Option("key_secret", m_key.secret,
                          "Its private key: PEM, or base64 of an Ed25519 key; \\n may stand for line ends.")
                       .secret(),
                   Option("key_file", m_keyFile, "Instead of both: the JSON file that came with the key."),
               } +
               FeedSource::options();
    }

    OptionErrors validate() override
    {
        OptionErrors errors = FeedSource::validate();
        const auto add = [&errors](const char *option, const QString &message) {
            errors.append({QLatin1String(option), message, {}, {}});
        };
        m_channels = m_wanted.parsed(&parseChannel, std::identity(), "product", errors);
        for (const QString &name : std::as_const(m_wanted.symbols)) {
            const QString served = QString::fromUtf8(servedAs(name.toUtf8()));
            if (served != name && m_wanted.symbols.contains(served))
                add("symbols", QStringLiteral("%1 and %2 come under one name, so only one of them can be "
                                              "collected")
                                   .arg(name, served));
        }
        if (m_key.name.isEmpty() != m_key.secret.isEmpty())
            add(m_key.name.isEmpty() ? "key_name" : "key_secret",
                QStringLiteral("is missing: key_name and key_secret belong together"));
        if (!m_key.name.isEmpty() && !m_keyFile.isEmpty())
            add("key_file", QStringLiteral("is not for use together with key_name and key_secret"));
        if (!m_key.secret.isEmpty()) {
            if (const auto signer = net::JwtSigner::make(m_key.name, m_key.secret); !signer)
                add("key_secret", signer.error().message);
        }
        return errors;
    }

    Result<> start() override
    {
        m_candleHistory.configure(QUrl(netOptions().restUrl),
                                  netOptions().backfill ? netOptions().maxBackfill : 0);
        if (!m_keyFile.isEmpty()) {
            auto key = readKeyFile(QDir(context().baseDirectory).absoluteFilePath(m_keyFile));
            if (!key)
                return key.error();
            m_key = *key;
        }
        if (!m_key.name.isEmpty()) {
            auto signer = net::JwtSigner::make(m_key.name, m_key.secret);
            if (!signer)
                return signer.error();
            m_signer = *signer;
        }
        // There is no history of trades to ask, but a new snapshot may have what is missing.
        netOptions().reorder = std::chrono::seconds(3);
        const QStringList symbols = netOptions().ours(m_wanted.symbols);
        for (const QString &name : symbols) {
            for (const Channel channel : std::as_const(m_channels)) {
                if (channel != Channel::Heartbeats)
                    collect(Symbol(name.toUtf8()), channel);
            }
        }
        if (m_channels.contains(Channel::Candles))
            m_candleMetrics.open(context().metrics, symbols);
        connect(&feed(), &net::Feed::troubled, this, [this] { m_candleMetrics.countConnectionError(); });
        // Without them the exchange closes a connection on which nothing happens for a minute.
        collect({}, Channel::Heartbeats);

        net::FeedPlan plan = netOptions().feedPlan();
        plan.connection.controlLimit = {6, std::chrono::seconds(1), std::chrono::milliseconds(50)};
        plan.connection.connectLimit = {8, std::chrono::seconds(1), {}};
        net::RestSettings rest = netOptions().restSettings();
        rest.limits.weight = 10;
        rest.limits.window = std::chrono::seconds(1);
        rest.limits.defaultRetryAfter = std::chrono::seconds(1);
        return openFeed(plan, rest);
    }

    void stop() override
    {
        FeedSource::stop();
        reportCandles();
    }

protected:
    std::unique_ptr<net::FeedSession> makeSession(net::FeedLink &link) override
    {
        return std::make_unique<Session>(link, *this, m_streams, m_candleMetrics,
                                         m_signer ? &*m_signer : nullptr, &m_candleHistory);
    }

    void timePassed(Timestamp) override
    {
        flush();
        reportCandles();
    }

    void streamInterrupted(int id) override { m_streams[id].closer.interrupted(); }

private:
    void collect(Symbol product, Channel channel)
    {
        const QByteArray name = channelName(channel);
        addStream(product, Symbol(name), product.name().toByteArray() + ' ' + name,
                  channel == Channel::MarketTrades ? Numbers::Trades
                  : channel == Channel::Heartbeats ? Numbers::Pulse
                                                   : Numbers::None);
        m_streams.add(channel, product);
        if (channel == Channel::Candles && !isReplay())
            m_candleHistory.resume(streamCount() - 1, savedPosition(candleKey(product)));
    }

    static QByteArray candleKey(Symbol product) { return product.name().toByteArray() + " candles"; }

    void reportCandles()
    {
        m_candleHistory.eachMoved([this](int id, const QByteArray &position) {
            if (!isReplay())
                reached(candleKey(stream(id).symbol), position);
        });
    }

    net::WantedStreams m_wanted;
    ApiKey m_key;
    QString m_keyFile;
    QList<Channel> m_channels;
    Streams m_streams;
    CandleMetrics m_candleMetrics;
    CandleHistory m_candleHistory{*this, rest()};
    std::optional<net::JwtSigner> m_signer;
};

} // namespace tidemill::coinbase_advanced

using tidemill::coinbase_advanced::CoinbaseAdvanced;
TIDEMILL_PLUGIN(CoinbaseAdvanced, "coinbase_advanced.json")

#include "coinbase_advanced.moc"
