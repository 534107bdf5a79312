// SPDX-License-Identifier: Apache-2.0
#include "archive_fetcher.h"
#include "series_job.h"

#include <tidemill/gap_starts.h>
#include <tidemill/net/proxy.h>
#include <tidemill/plugin.h>
#include <tidemill/records_out.h>

#include <QDir>
#include <QSet>
#include <QTemporaryDir>

#include <algorithm>

Q_LOGGING_CATEGORY(lcBinanceHistory, TIDEMILL_LOG_CATEGORY)

namespace tidemill::binance_history {

namespace {

bool isHttp(const QString &text)
{
    return text.startsWith(QLatin1String("https://")) || text.startsWith(QLatin1String("http://"));
}

// It becomes part of addresses and of paths on disk.
bool isSymbolName(const QString &text)
{
    return !text.isEmpty() && std::all_of(text.begin(), text.end(), [](QChar letter) {
        return letter.isLetterOrNumber() || letter == u'_' || letter == u'-';
    });
}

} // namespace

// What Binance spot has of the past, once, from a beginning to an end. One series after the other, see
// SeriesJob; this is its options, its records, its health and its checkpoints.
class BinanceHistory final : public Source
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
            Option("data", m_data,
                   "What to collect of each symbol, in this order: agg_trades, trades, klines_INTERVAL.")
                .required()
                .notEmpty()
                .example("[agg_trades, klines_1m]"),
            Option("from", m_fromText,
                   "The first time wanted: RFC 3339, a date, or seconds to nanoseconds since 1970."),
            Option("to", m_toText, "The first time not wanted any more; without it, up to now."),
            Option("overlap", m_overlap,
                   "Without to: how long after now has been reached what happens is taken as well, until a "
                   "live source has got going; 0s: not at all.")
                .atLeast(0),
            Option("from_id", m_fromId, "Instead of from: the first id of the trades of one symbol.")
                .atLeast(-1),
            Option("rest_url", m_restUrl, "REST address."),
            Option("history_url", m_historyUrl,
                   "REST address for trades: the market data host does not have them by id."),
            Option(
                "archive", m_archive,
                "Take whole days and months that are over from bulk files: https://data.binance.vision, or a "
                "local folder laid out like it."),
            Option("archive_max", m_archiveMax, "A larger bulk file is not taken.").atLeast(1),
            Option("microseconds", m_microseconds, "Ask for times in microseconds instead of milliseconds."),
            Option("ca_file", m_caFile,
                   "PEM file of certificate authorities to trust instead of the system's."),
            Option("proxy", m_proxy,
                   "http://[user:password@]host:port or socks5://...; the environment's is never used.")
                .secret(),
        };
    }

    OptionErrors validate() override;
    Result<> start() override;
    void stop() override;
    void setPaused(bool paused) override
    {
        m_isPaused = paused;
        if (m_job)
            m_job->setPaused(paused);
    }

private:
    enum Part { Rest = 1, Files = 2 };

    struct Turn
    {
        Series series;
        bool wasUpToNow = false;      // has had a turn, and gave way to the others
        std::optional<Position> at{}; // where it goes on then
        GapStarts gapStarts{};
    };

    Result<> configureArchive(const net::HttpSettings &http);
    void nextSeries();
    void nextSeriesLater();
    void emitRows(const Rows &rows);
    void emitMissing(qint64 first, qint64 last, Timestamp before, Timestamp behind);
    void noteEnd(const std::optional<Error> &failure);
    void giveWay(const Position &at);
    void setTrouble(Part part, const Error &cause);
    void clearTrouble(Part part);
    Error failures() const;

    QStringList m_symbols;
    QStringList m_data;
    QString m_fromText;
    QString m_toText;
    std::chrono::milliseconds m_overlap = std::chrono::minutes(1);
    qint64 m_fromId = -1;
    QString m_restUrl = QStringLiteral("https://data-api.binance.vision");
    QString m_historyUrl = QStringLiteral("https://api.binance.com");
    QString m_archive;
    ByteSize m_archiveMax{4LL << 30};
    bool m_microseconds = false;
    QString m_caFile;
    QString m_proxy;

    Range m_range;
    QList<Series> m_kinds;
    QList<Turn> m_waiting;
    Turn m_turn; // of the series at hand
    qsizetype m_count = 0;
    QStringList m_failures;
    int m_troubles = 0; // of Part
    bool m_isPaused = false;
    std::shared_ptr<std::atomic<qint64>> m_lastData;
    std::unique_ptr<QTemporaryDir> m_temporary; // where there is no state directory
    RecordsOut m_out{[this](const BatchPtr &batch) { emit emitted(batch); }};
    net::RestClient m_client{this};
    RestHistory m_rest{m_client, this};
    ArchiveFetcher m_files{this};
    // Last, so that it goes first: it uses the members above.
    std::unique_ptr<SeriesJob> m_job;
};

OptionErrors BinanceHistory::validate()
{
    OptionErrors errors;
    const auto expect = [&errors](bool good, const char *option, const QString &message) {
        if (!good)
            errors.append({QLatin1String(option), message, {}, {}});
    };
    m_kinds.clear();
    for (const QString &name : std::as_const(m_data)) {
        const auto kind = parseKind(name);
        expect(kind.has_value(), "data",
               QStringLiteral("expected agg_trades, trades or klines_ and one of %1, got '%2'")
                   .arg(intervals().join(QLatin1String(", ")), name));
        if (kind)
            m_kinds.append(*kind);
    }
    for (const QString &symbol : std::as_const(m_symbols))
        expect(isSymbolName(symbol), "symbols",
               QStringLiteral("expected a symbol such as BTCUSDT, got '%1'").arg(symbol));
    const auto repeated = [](const QStringList &list) {
        return QSet(list.begin(), list.end()).size() != list.size();
    };
    expect(!repeated(m_symbols), "symbols", QStringLiteral("a symbol stands there twice"));
    expect(!repeated(m_data), "data", QStringLiteral("a kind stands there twice"));

    const auto readTime = [&](const QString &text, const char *option) {
        const auto time = parseTime(text);
        expect(time || text.isEmpty(), option,
               QStringLiteral("expected a time such as 2024-01-01T00:00:00Z, got '%1'").arg(text));
        return time.value_or(Timestamp());
    };
    m_range = {m_fromId, readTime(m_fromText, "from"), readTime(m_toText, "to"), m_overlap, {}};
    expect(m_fromText.isEmpty() != (m_fromId < 0), "from", QStringLiteral("expected either from or from_id"));
    expect(m_fromId < 0 || (m_symbols.size() == 1 && m_kinds.size() == 1 && m_kinds[0].kind != Kind::Candles),
           "from_id",
           QStringLiteral("ids belong to one symbol and to agg_trades or to trades, not to several"));
    expect(m_range.to.isNull() || m_range.from < m_range.to, "to", QStringLiteral("must be later than from"));

    for (const auto &[option, url] :
         {std::pair("rest_url", m_restUrl), std::pair("history_url", m_historyUrl)})
        expect(
            isHttp(url), option,
            QStringLiteral("expected an address that begins with https:// (or http://), got '%1'").arg(url));
    expect(isHttp(m_archive) || !m_archive.contains(QLatin1String("://")), "archive",
           QStringLiteral("expected https://... or a folder, got '%1'").arg(m_archive));
    if (const auto checked = net::checkProxy(m_proxy); !checked)
        expect(false, "proxy", checked.error().message);
    return errors;
}

Result<> BinanceHistory::configureArchive(const net::HttpSettings &http)
{
    ArchiveFetcher::Settings settings;
    settings.http = http;
    settings.maxBytes = m_archiveMax.bytes;
    if (isHttp(m_archive)) {
        settings.url = QUrl(m_archive);
    } else {
        settings.folder = QDir(context().baseDirectory).absoluteFilePath(m_archive);
        if (!QFileInfo(settings.folder).isDir())
            return Error{Error::Kind::Config,
                         QStringLiteral("archive: there is no folder %1").arg(settings.folder)};
    }
    settings.temporaryFolder = context().stateDirectory;
    if (settings.temporaryFolder.isEmpty()) {
        m_temporary = std::make_unique<QTemporaryDir>();
        settings.temporaryFolder = m_temporary->path();
    }
    connect(&m_files, &ArchiveFetcher::troubled, this,
            [this](const Error &cause) { setTrouble(Files, cause); });
    connect(&m_files, &ArchiveFetcher::recovered, this, [this] { clearTrouble(Files); });
    connect(&m_files, &ArchiveFetcher::progressed, this,
            [this] { m_lastData->store(Timestamp::now().ns, std::memory_order_relaxed); });
    return m_files.configure(settings);
}

Result<> BinanceHistory::start()
{
    net::RestSettings rest = RestHistory::restSettings(m_microseconds);
    rest.http.caFile = m_caFile;
    rest.http.proxy = m_proxy;
    if (const auto configured = m_client.configure(rest); !configured)
        return configured;
    m_rest.setHosts({QUrl(m_restUrl), QUrl(m_historyUrl)});
    if (!m_archive.isEmpty()) {
        if (const auto configured = configureArchive(rest.http); !configured)
            return configured;
    }
    connect(&m_client, &net::RestClient::troubled, this,
            [this](const Error &cause) { setTrouble(Rest, cause); });
    connect(&m_client, &net::RestClient::recovered, this, [this] { clearTrouble(Rest); });
    for (const QString &name : std::as_const(m_symbols)) {
        for (Series series : std::as_const(m_kinds)) {
            series.symbol = Symbol(name.toUtf8());
            m_waiting.append({series});
        }
    }
    m_count = m_waiting.size();
    m_out.countGaps(context().metrics);
    nextSeries();
    return {};
}

void BinanceHistory::stop()
{
    m_job.reset();
    m_waiting.clear();
    m_out.flush();
}

void BinanceHistory::nextSeries()
{
    m_job.reset();
    if (m_waiting.isEmpty()) {
        emit streamsChanged({});
        emit finished();
        return;
    }
    m_turn = m_waiting.takeFirst();
    const Series &series = m_turn.series;
    m_lastData = std::make_shared<std::atomic<qint64>>(Timestamp::now().ns);
    emit streamsChanged({{series.symbol.name().toByteArray(), series.kindName(), m_lastData}});

    m_job = std::make_unique<SeriesJob>(series, m_range, m_rest, m_archive.isEmpty() ? nullptr : &m_files,
                                        nullptr);
    SeriesJob *job = m_job.get();
    connect(job, &SeriesJob::rowsTaken, this, &BinanceHistory::emitRows);
    connect(job, &SeriesJob::missing, this, &BinanceHistory::emitMissing);
    connect(job, &SeriesJob::moved, this, [this, job](const Position &position) {
        reached(job->series().name(), position.toText(m_range.beginText()));
    });
    // The others need no more than that, as they come later.
    connect(job, &SeriesJob::caughtUp, this, [this](Timestamp until) { m_range.until = until; });
    connect(job, &SeriesJob::archiveRejected, this,
            [this](const QString &detail) { reject("bad_archive", detail); });
    connect(job, &SeriesJob::gaveWay, this, &BinanceHistory::giveWay);
    connect(job, &SeriesJob::finished, this, &BinanceHistory::noteEnd);

    const auto saved =
        m_turn.at ? m_turn.at : Position::parse(savedPosition(series.name()), m_range.beginText());
    qCInfo(lcBinanceHistory).noquote()
        << context().name + QLatin1Char(':') << series.name() << (saved ? "goes on at" : "begins at")
        << (saved ? saved->toText({}).trimmed() : m_range.beginText());
    job->setPaused(m_isPaused);
    job->setGivesWay(!m_turn.wasUpToNow && std::any_of(m_waiting.begin(), m_waiting.end(),
                                                       [](const Turn &turn) { return !turn.wasUpToNow; }));
    job->start(saved);
}

void BinanceHistory::emitRows(const Rows &rows)
{
    m_lastData->store(Timestamp::now().ns, std::memory_order_relaxed);
    for (const Row &row : rows)
        std::visit([this](const auto &record) { m_out.add(record); }, row);
    m_out.flush();
}

void BinanceHistory::emitMissing(qint64 first, qint64 last, Timestamp before, Timestamp behind)
{
    const Series &series = m_job->series();
    m_out.add(
        Gap{.exchange = Symbol("binance"),
            .symbol = series.symbol,
            .stream = Symbol(series.kind == Kind::Trades ? "trade" : "aggTrade"),
            .ts_event = behind,
            .ts_recv = Timestamp::now(),
            .ts_from = m_turn.gapStarts.next(before), // the exchange's times, and the same in another run
            .ts_to = behind,
            .first_missing = first,
            .last_missing = last,
            .cause = GapCause::Sequence,
            .state = GapState::Open,
            .provenance = Provenance::Backfill},
        "the exchange's history has nothing there");
    m_out.flush();
}

void BinanceHistory::noteEnd(const std::optional<Error> &failure)
{
    qCInfo(lcBinanceHistory).noquote() << context().name + QLatin1Char(':') << m_job->series().name()
                                       << (failure ? "failed" : "is complete");
    if (failure) {
        m_failures.append(failure->message);
        emit failed(failures());
    }
    nextSeriesLater();
}

// Nobody's past waits until the present of another has been followed long enough.
void BinanceHistory::giveWay(const Position &at)
{
    qCInfo(lcBinanceHistory).noquote() << context().name + QLatin1Char(':') << m_job->series().name()
                                       << "is up to now and gives way to the others";
    m_turn.wasUpToNow = true;
    if (at.next >= 0)
        m_turn.at = at;
    m_waiting.append(m_turn);
    nextSeriesLater();
}

// The job is still within its call.
void BinanceHistory::nextSeriesLater()
{
    QMetaObject::invokeMethod(
        this,
        [this] {
            if (m_job)
                nextSeries();
        },
        Qt::QueuedConnection);
}

Error BinanceHistory::failures() const
{
    return {Error::Kind::Config, QStringLiteral("%1 of %2 series failed: %3")
                                     .arg(m_failures.size())
                                     .arg(m_count)
                                     .arg(m_failures.join(QLatin1String("; ")))};
}

// What failed for good is worse than what passes, and must stay to be seen.
void BinanceHistory::setTrouble(Part part, const Error &cause)
{
    m_troubles |= part;
    if (m_failures.isEmpty())
        emit degraded(cause);
    else
        qCWarning(lcBinanceHistory).noquote() << context().name + QLatin1Char(':') << cause.message;
}

void BinanceHistory::clearTrouble(Part part)
{
    m_troubles &= ~part;
    if (m_troubles == 0 && m_failures.isEmpty())
        emit recovered();
}

} // namespace tidemill::binance_history

using tidemill::binance_history::BinanceHistory;
TIDEMILL_PLUGIN(BinanceHistory, "binance_history.json")

#include "binance_history.moc"
