// SPDX-License-Identifier: Apache-2.0
#include "command_line.h"

#include "catalogue.h"

#include <QCommandLineParser>
#include <QDateTime>
#include <QFile>
#include <QHash>

namespace tidemill::exchange {

namespace {

using std::chrono::milliseconds;

// Reads option values; the first wrong one is kept as the error.
class Reader
{
public:
    Reader(const QCommandLineParser &parser, QString *error) : m_parser(parser), m_error(error) {}

    bool ok() const { return m_ok; }

    template<typename Integer>
    void number(const char *name, Integer &value, qint64 minimum)
    {
        read(name, "a number", [&](const QString &text) {
            bool fine = false;
            const qint64 number = text.toLongLong(&fine);
            if (!fine || number < minimum || std::cmp_greater(number, std::numeric_limits<Integer>::max()))
                return false;
            value = Integer(number);
            return true;
        });
    }

    void duration(const char *name, milliseconds &value)
    {
        read(name, "a duration such as 250ms or 5s", [&](const QString &text) {
            const auto duration = parseDuration(text);
            value = duration.value_or(value);
            return duration.has_value();
        });
    }

    template<typename Take>
    void read(const char *name, const char *expected, Take take)
    {
        const QString option = QString::fromLatin1(name);
        for (const QString &text : m_parser.values(option)) {
            if (m_ok && !take(text)) {
                fail(QStringLiteral("--%1: expected %2, got '%3'")
                         .arg(option, QString::fromLatin1(expected), text));
            }
        }
    }

    void fail(const QString &message)
    {
        if (m_ok)
            *m_error = message;
        m_ok = false;
    }

private:
    const QCommandLineParser &m_parser;
    QString *m_error;
    bool m_ok = true;
};

void addOptions(QCommandLineParser &parser)
{
    parser.addOption({QStringLiteral("protocol"),
                      QStringLiteral("binance (default), coinbase_exchange, coinbase_advanced or kraken."),
                      QStringLiteral("name")});
    const auto add = [&parser](const char *name, const char *help, const char *value = "") {
        parser.addOption({QString::fromLatin1(name), QString::fromLatin1(help), QString::fromLatin1(value)});
    };
    add("ws-port", "WebSocket port (default: a free one).", "port");
    add("rest-port", "REST port (default: a free one).", "port");
    add("tls-cert", "Certificate (PEM); with --tls-key the WebSocket side speaks TLS.", "file");
    add("tls-key", "Private key (PEM).", "file");
    add("tape", "Play a recorded session.", "file");
    add("speed", "Times the recorded pace, or 'max': as fast as the clients read.", "x");
    add("start-on-subscribe", "Data begin when so many clients have subscribed (default 1; 0: at once).",
        "n");
    add("start-streams", "... and when so many streams are subscribed to (default 0).", "n");
    add("alias", "Deliver one stream under another name, e.g. btcusdt@depth=btcusdt@depth@100ms.", "a=b");
    add("exit-at-end", "End when the tape has ended and the clients have everything.");
    add("generate", "Simulate a market; the same seed gives the same market.", "seed");
    add("symbols", "Symbols of the simulated market, e.g. BTCUSDT,ETHUSDT.", "list");
    add("rate", "Events per second and symbol (default 100).", "n");
    add("flood", "Simulate as fast as the clients read.");
    add("depth-interval", "Between two changes of a book (default: the protocol's).", "duration");
    add("past-minutes", "Candles from before the market opens (default: the protocol's).", "n");
    add("quiet-every", "Nobody trades in every minute of the clock divisible by n.", "n");
    add("burst", "So many aggregate trades in one microsecond, a second after the opening.", "n");
    add("snapshot-levels", "Levels of each side in a book's snapshot, at least.", "n");
    add("epoch", "When the simulated market opens: 'now' or Unix ms (default 1700000000000).", "time");
    add("warmup", "Simulate so much before the first client, as history.", "duration");
    add("history", "Trades kept for REST (default 100000).", "n");
    add("fault", "SPEC@5s (from the start) or SPEC@data+5s (from the first data). Repeatable; see README.",
        "spec@time");
    add("ping-interval", "Between the server's pings (default 20s).", "duration");
    add("pong-deadline", "Until a pong must come (default 60s).", "duration");
    add("max-age", "Of a connection (default 24h).", "duration");
    add("messages-per-second", "Allowed of a client (default: the protocol's; Binance 5).", "n");
    add("max-streams", "Of a connection (default 1024).", "n");
    add("max-connects", "Connection attempts per window (default 300).", "n");
    add("connect-window", "The window of --max-connects (default 5m).", "duration");
    add("weight-limit", "REST request weight per minute (default 6000).", "n");
    add("ban", "How long a 418 lasts (default 2m).", "duration");
    add("rest-delay", "Before every REST answer.", "duration");
    add("max-queued", "Bytes waiting for a client at which playback waits (default 1048576).", "bytes");
    add("wrapped-errors", "Control errors as {\"error\":{..},\"id\":..}.");
    add("format", "Binance: json, or sbe for binary frames (which /sbe/ws and /sbe/stream always give).",
        "name");
    add("api-key", "Binance SBE: the key that connections must bring (default: any).", "key");
    add("symbols-count", "Binance: exchangeInfo lists so many symbols; those that trade are simulated.", "n");
    add("coins-key", "CoinGecko: the key, as demo:KEY or pro:KEY.", "plan:key");
    add("coins-limit", "CoinGecko: calls per minute (default 100).", "n");
    add("subscribe-deadline", "Coinbase: until the first subscription (default 5s).", "duration");
    add("idle-close", "Coinbase Advanced: without an update and heartbeats (default 75s).", "duration");
    add("data-before-ack", "Coinbase Exchange: the first data come before the acknowledgement.");
    add("client-id", "Coinbase Advanced: frames have client_id.");
    add("heartbeat-text", "Coinbase Advanced: heartbeat_counter is a string.");
    add("jwt-key", "Coinbase Advanced: file with the key (PEM or base64); a token is required then.", "file");
    add("jwt-key-name", "Coinbase Advanced: kid and sub of the tokens (default: any).", "name");
    add("requests-per-second", "Coinbase and Kraken REST (default 10).", "n");
    add("request-burst", "... and so many at once (default 15).", "n");
    add("data-host", "REST without historicalTrades, like the key-less data host.");
}

void readLimits(Reader &reader, Limits &limits)
{
    reader.duration("ping-interval", limits.pingInterval);
    reader.duration("pong-deadline", limits.pongDeadline);
    reader.duration("max-age", limits.maxAge);
    reader.number("messages-per-second", limits.messagesPerSecond, 1);
    reader.number("max-streams", limits.maxStreams, 1);
    reader.number("max-connects", limits.connectsPerWindow, 0);
    reader.duration("connect-window", limits.connectWindow);
    reader.number("weight-limit", limits.weightPerMinute, 0);
    reader.duration("subscribe-deadline", limits.subscribeDeadline);
    reader.duration("idle-close", limits.idleClose);
    reader.number("requests-per-second", limits.requestsPerSecond, 1);
    reader.number("request-burst", limits.requestBurst, 1);
    reader.number("coins-limit", limits.coinsPerMinute, 0);
    reader.number("max-queued", limits.maxQueuedBytes, 1);
    milliseconds ban = limits.banTime;
    reader.duration("ban", ban);
    limits.banTime = std::chrono::duration_cast<std::chrono::seconds>(ban);
}

QByteArray defaultSymbol(ProtocolName protocol)
{
    switch (protocol) {
    case ProtocolName::Binance:
        return "BTCUSDT";
    case ProtocolName::Kraken:
        return "BTC/USD";
    case ProtocolName::CoinbaseExchange:
    case ProtocolName::CoinbaseAdvanced:
        return "BTC-USD";
    }
    return {};
}

void readProtocol(Reader &reader, const QCommandLineParser &parser, Settings &settings)
{
    reader.read("protocol", "binance, coinbase_exchange, coinbase_advanced or kraken",
                [&](const QString &text) {
                    static const QHash<QString, ProtocolName> names{
                        {QStringLiteral("binance"), ProtocolName::Binance},
                        {QStringLiteral("coinbase_exchange"), ProtocolName::CoinbaseExchange},
                        {QStringLiteral("coinbase_advanced"), ProtocolName::CoinbaseAdvanced},
                        {QStringLiteral("kraken"), ProtocolName::Kraken}};
                    settings.protocol = names.value(text);
                    return names.contains(text);
                });
    reader.read("format", "json or sbe", [&](const QString &text) {
        settings.sbe = text == u"sbe";
        return settings.sbe || text == u"json";
    });
    settings.apiKey = parser.value(QStringLiteral("api-key")).toUtf8();
    reader.number("symbols-count", settings.symbolsCount, 0);
    reader.read("coins-key", "demo:KEY or pro:KEY", [&](const QString &text) {
        const QString plan = text.section(u':', 0, 0);
        settings.coinsPro = plan == u"pro";
        settings.coinsKey = text.section(u':', 1).toUtf8();
        return (settings.coinsPro || plan == u"demo") && !settings.coinsKey.isEmpty();
    });
    settings.dataBeforeAck = parser.isSet(QStringLiteral("data-before-ack"));
    settings.clientId = parser.isSet(QStringLiteral("client-id"));
    settings.heartbeatText = parser.isSet(QStringLiteral("heartbeat-text"));
    reader.read("jwt-key", "a readable file", [&](const QString &text) {
        QFile file(text);
        const bool fine = file.open(QIODevice::ReadOnly);
        settings.jwtKey = file.readAll();
        return fine && !settings.jwtKey.trimmed().isEmpty();
    });
    settings.jwtKeyName = parser.value(QStringLiteral("jwt-key-name")).toUtf8();
}

void readGenerator(Reader &reader, const QCommandLineParser &parser, ProtocolName protocol,
                   GeneratorOptions &options)
{
    reader.number("generate", options.seed, 0);
    options.symbols = {defaultSymbol(protocol)};
    reader.read("symbols", "names such as BTCUSDT,ETHUSDT", [&](const QString &text) {
        options.symbols = text.toUtf8().split(',');
        return !options.symbols.contains(QByteArray());
    });
    reader.number("rate", options.eventsPerSecond, 1);
    reader.number("history", options.history, 0);
    reader.number("start-on-subscribe", options.startClients, 0);
    reader.number("start-streams", options.startStreams, 0);
    reader.number("past-minutes", options.pastMinutes, 0);
    reader.number("quiet-every", options.quietEvery, 0);
    reader.number("burst", options.burst, 0);
    reader.number("snapshot-levels", options.snapshotLevels, 0);
    milliseconds interval{0};
    reader.duration("depth-interval", interval);
    if (interval.count() > 0)
        options.depthIntervalUs = interval.count() * 1000;
    milliseconds warmup{0};
    reader.duration("warmup", warmup);
    options.warmupUs = warmup.count() * 1000;
    reader.read("epoch", "'now' or Unix milliseconds", [&](const QString &text) {
        bool fine = true;
        const qint64 ms = text == u"now" ? QDateTime::currentMSecsSinceEpoch() : text.toLongLong(&fine);
        options.epochUs = ms * 1000;
        return fine && ms > 0;
    });
    options.flood = parser.isSet(QStringLiteral("flood"));
}

} // namespace

std::optional<CommandLine> CommandLine::parse(const QStringList &arguments, QString *error)
{
    QCommandLineParser parser;
    parser.setApplicationDescription(QStringLiteral("A fake exchange on 127.0.0.1, for tests."));
    parser.addHelpOption();
    addOptions(parser);
    if (!parser.parse(arguments)) {
        *error = parser.errorText();
        return std::nullopt;
    }
    if (parser.isSet(QStringLiteral("help")))
        parser.showHelp();

    CommandLine command;
    Reader reader(parser, error);
    reader.number("ws-port", command.settings.wsPort, 0);
    reader.number("rest-port", command.settings.restPort, 0);
    command.settings.tlsCertificate = parser.value(QStringLiteral("tls-cert"));
    command.settings.tlsKey = parser.value(QStringLiteral("tls-key"));
    if (command.settings.tlsCertificate.isEmpty() != command.settings.tlsKey.isEmpty())
        reader.fail(QStringLiteral("--tls-cert and --tls-key: one needs the other"));
    command.settings.wrappedErrors = parser.isSet(QStringLiteral("wrapped-errors"));
    command.settings.dataHost = parser.isSet(QStringLiteral("data-host"));
    reader.duration("rest-delay", command.settings.restDelay);
    reader.read("alias", "asked=delivered", [&](const QString &text) {
        const qsizetype equals = text.indexOf(u'=');
        command.settings.aliases.insert(text.left(equals).toUtf8(), text.mid(equals + 1).toUtf8());
        return equals > 0 && equals + 1 < text.size();
    });
    readProtocol(reader, parser, command.settings);
    readLimits(reader, command.settings.limits);

    command.tapeFile = parser.value(QStringLiteral("tape"));
    reader.read("speed", "a number above 0, or 'max'", [&](const QString &text) {
        bool fine = false;
        command.tape.asFastAsTaken = text == u"max";
        command.tape.speed = command.tape.asFastAsTaken ? 1 : text.toDouble(&fine);
        return command.tape.asFastAsTaken || (fine && command.tape.speed > 0);
    });
    reader.number("start-on-subscribe", command.tape.startClients, 0);
    reader.number("start-streams", command.tape.startStreams, 0);
    command.exitAtEnd = parser.isSet(QStringLiteral("exit-at-end"));
    if (parser.isSet(QStringLiteral("generate"))) {
        if (!command.tapeFile.isEmpty())
            reader.fail(QStringLiteral("--tape and --generate: only one of them"));
        readGenerator(reader, parser, command.settings.protocol, command.generator.emplace());
        if (!parser.isSet(QStringLiteral("symbols")) && command.settings.symbolsCount > 0)
            command.generator->symbols = tradingSymbols(command.settings.symbolsCount);
    }
    reader.read("fault", "SPEC@TIME", [&](const QString &text) {
        QString why;
        const auto planned = PlannedFault::parse(text, &why);
        if (!planned)
            reader.fail(why);
        else
            command.faults.append(*planned);
        return true;
    });
    if (!reader.ok())
        return std::nullopt;
    return command;
}

} // namespace tidemill::exchange
