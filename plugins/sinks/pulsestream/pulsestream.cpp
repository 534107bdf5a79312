// SPDX-License-Identifier: Apache-2.0
#include "poster.h"

#include <tidemill/net/proxy.h>
#include <tidemill/plugin.h>

namespace tidemill::pulsestream {

// Posts records as events. What an event says is EventForm's, how it gets there Poster's; waiting and
// offering again are the host's.
class PulseStream final : public Sink
{
    Q_OBJECT

public:
    OptionList options() override { return serviceOptions() + eventOptions() + netOptions(); }

    OptionErrors validate() override
    {
        OptionErrors errors = m_form.prepare(m_event);
        const auto add = [&errors](const char *option, const QString &message) {
            errors.append({QLatin1String(option), message, {}, {}});
        };
        const QUrl url = address();
        const bool isHttp = url.scheme() == QLatin1String("http") || url.scheme() == QLatin1String("https");
        // The other endpoints are found from this one.
        if (!url.isValid() || !isHttp || url.host().isEmpty() || !url.userInfo().isEmpty() ||
            !url.path().endsWith(QLatin1String("/events")) || url.hasQuery() || url.hasFragment())
            add("url", QStringLiteral("expected http(s)://HOST[:PORT]/.../events, got '%1'")
                           .arg(url.toDisplayString(QUrl::RemoveUserInfo | QUrl::RemoveQuery)));
        if ((m_style == AuthStyle::Custom) == m_header.isEmpty())
            add("auth.header", m_header.isEmpty()
                                   ? QStringLiteral("is required with style 'custom': the header's name")
                                   : QStringLiteral("only belongs to style 'custom'"));
        if (const auto proxy = net::checkProxy(m_proxy); !proxy)
            add("proxy", proxy.error().message);
        return errors;
    }

    // Does not connect: the service may be away, and comes when it comes.
    Result<> start() override
    {
        const PosterFigures figures{
            counter("tidemill_pulsestream_requests_total", "Posts that came to an end."),
            counter("tidemill_pulsestream_request_failures_total", "Posts without a status of success."),
            counter("tidemill_pulsestream_known_total", "Events that the service said it had already."),
            histogram("tidemill_pulsestream_request_seconds", "From a post to the end of its answer.")};
        m_poster = new Poster(posterSettings(), m_form, figures, this);
        connect(m_poster, &Poster::answered, this, &PulseStream::passOn);
        connect(m_poster, &Poster::stopped, this, &PulseStream::passOnStop);
        return m_poster->configure();
    }

    void stop() override
    {
        if (m_poster)
            m_poster->close();
    }

    void receive(const BatchPtr &batch) override
    {
        if (const auto accepted = m_form.accepts(batch->schema()); !accepted)
            emit rejected(batch, accepted.error());
        else
            m_poster->add(batch);
    }

    void flush() override { m_poster->flush(); }

private:
    enum class AuthStyle { XApiKey, Bearer, Custom };
    enum class Compression { Off, Gzip };

    OptionList serviceOptions()
    {
        return {
            Option("url", m_url, "Address of the endpoint for events; it ends in /events.")
                .example("https://pulse.example.org/api/v1/ingestion/events"),
            Option("key", m_key, "The tenant's key.").secret(),
            Option(
                "auth.style", m_style,
                "How the key is sent: X-API-Key: KEY, Authorization: Bearer KEY, or in a header of its own.",
                {"x-api-key", "bearer", "custom"}),
            Option("auth.header", m_header, "Name of the header, with style 'custom'."),
            Option("events_per_request", m_eventsPerRequest,
                   "So many events go into one request when they are waiting; 1: the endpoint for batches is "
                   "never used.")
                .atLeast(1)
                .atMost(1000),
            Option("connections", m_connections, "Requests at a time. With more than one, order is not kept.")
                .atLeast(1)
                .atMost(8),
            Option("compression", m_compression,
                   "Whether requests are packed. A service that refuses that gets them plain.",
                   {"off", "gzip"}),
            Option("timeout", m_timeout, "From a request to the end of its answer.")
                .atLeast(100)
                .atMost(600000),
            Option("settle", m_settle,
                   "How long to leave the service alone when it answers again after a request without an "
                   "answer, which may still be at work.")
                .atMost(60000),
        };
    }

    OptionList eventOptions()
    {
        return {
            Option("event_type", m_event.eventType, "The service's kind of event.")
                .oneOf({"api_call", "user_action", "system_event", "error_event", "custom_event"}),
            Option("severity", m_event.severity, "The service's severity.")
                .oneOf({"info", "warning", "error", "critical"}),
            Option(
                "event_id", m_event.eventId,
                "Text with fields of the record that tells one event from another; empty: the record's key.")
                .example("%{exchange}-%{symbol}-%{trade_id}"),
            Option("title", m_event.title, "Text with fields of the record; empty: the usual one.")
                .example("%{symbol} at %{price}"),
            Option("message", m_event.message, "Text with fields of the record; empty: the usual one."),
            Option("service", m_event.service,
                   "Name of the source; empty: the exchange's, as in coinbase-exchange."),
            Option("endpoint", m_event.endpoint,
                   "Endpoint of the source; empty: the record's type, as in /ticker."),
            Option("method", m_event.method, "Method of the source.").notEmpty(),
            Option("version", m_event.version, "Version of the source."),
            Option("environment", m_event.environment, "Environment of the source."),
            Option("tags", m_event.tags,
                   "More tags, or others: a map from names to texts with fields of the record."),
            Option("absent_numbers", m_event.absentNumbers,
                   "What a ticker's event says where the exchange sent no number: 0.0 or null.",
                   {"zero", "null"}),
        };
    }

    OptionList netOptions()
    {
        return {
            Option("ca_file", m_caFile, "PEM file of the authorities to trust instead of the system's."),
            Option("proxy", m_proxy, "http://[USER:PASSWORD@]HOST:PORT or socks5://...; empty: none.")
                .secret(),
        };
    }

    QUrl address() const
    {
        QString text = m_url.trimmed();
        while (text.endsWith(QLatin1Char('/'))) // the service would redirect
            text.chop(1);
        return QUrl(text, QUrl::StrictMode);
    }

    PosterSettings posterSettings() const
    {
        PosterSettings settings;
        settings.url = address();
        settings.target = settings.url.path(QUrl::FullyEncoded).toLatin1();
        settings.batchTarget = settings.target + "/batch";
        settings.limitTarget = settings.target.chopped(qstrlen("events")) + "rate-limit";
        const QByteArray key = m_key.trimmed().toUtf8();
        if (m_style == AuthStyle::XApiKey)
            settings.headers.emplaceBack("X-API-Key", key);
        else if (m_style == AuthStyle::Bearer)
            settings.headers.emplaceBack("Authorization", "Bearer " + key);
        else
            settings.headers.emplaceBack(m_header.toUtf8(), key);
        if (key.isEmpty())
            settings.headers.clear();
        settings.http.timeout = m_timeout;
        settings.http.maxBodyBytes = 8LL * 1024 * 1024; // a 422 repeats what it was sent
        settings.http.proxy = m_proxy;
        settings.http.caFile = m_caFile;
        settings.eventsPerRequest = m_eventsPerRequest;
        settings.lanes = m_connections;
        settings.packs = m_compression == Compression::Gzip;
        settings.settle = m_settle;
        return settings;
    }

    void passOn(const BatchPtr &batch, const QList<RowFailure> &rows)
    {
        if (rows.isEmpty())
            emit delivered(batch);
        else
            emit partlyDelivered(batch, rows);
    }

    void passOnStop(const Error &cause, std::chrono::milliseconds wait)
    {
        if (wait.count() < 0)
            emit failed(cause);
        else
            emit delayed(cause, wait);
    }

    QString m_url = QStringLiteral("http://localhost:8000/api/v1/ingestion/events");
    QString m_key;
    AuthStyle m_style = AuthStyle::XApiKey;
    QString m_header;
    int m_eventsPerRequest = 100;
    int m_connections = 1;
    Compression m_compression = Compression::Off;
    std::chrono::milliseconds m_timeout{30000};
    std::chrono::milliseconds m_settle{1000};
    EventOptions m_event;
    QString m_caFile;
    QString m_proxy;

    EventForm m_form;
    Poster *m_poster = nullptr; // a child
};

} // namespace tidemill::pulsestream

using tidemill::pulsestream::PulseStream;
TIDEMILL_PLUGIN(PulseStream, "pulsestream.json")

#include "pulsestream.moc"
