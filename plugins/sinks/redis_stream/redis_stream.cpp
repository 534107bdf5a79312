// SPDX-License-Identifier: Apache-2.0
#include "writer.h"

#include <tidemill/plugin.h>

#include <memory>

Q_LOGGING_CATEGORY(lcRedisStream, TIDEMILL_LOG_CATEGORY)

using namespace tidemill;

// Appends every record to a stream of a Redis or a Redis Cluster. What goes into which stream in which form
// is decided here and in EntryForm, how it gets there exactly once in Writer.
class RedisStream final : public Sink
{
    Q_OBJECT

public:
    OptionList options() override
    {
        using Cluster = redis::Settings::Cluster;
        static_assert(int(Cluster::Auto) == 0 && int(Cluster::On) == 1 && int(Cluster::Off) == 2);
        return {
            Option(
                "url", m_url,
                "redis://[[USER]:PASSWORD@]HOST[:PORT][/DB], rediss://... for TLS, or unix:///PATH[?db=N].")
                .secret()
                .notEmpty(),
            Option("key", m_key,
                   "Name of the stream, with names of the record in it: \"trades:%{symbol}\"; or a map from "
                   "record types to such names. By default that for trades, TYPE:%{symbol} for others."),
            Option("fields", m_fields,
                   "From record types to the fields of an entry; see the plugin's README. By default a trade "
                   "has "
                   "those that are known of old, any other record all its own."),
            Option("raw_json", m_rawJson, "A trade's entry has the whole record as JSON too, as raw_json."),
            Option("maxlen", m_maxLength, "Entries that a stream keeps; 0: all.").atLeast(0),
            Option("trim", m_trim,
                   "How maxlen is kept to: approximate (at least that many, and cheap) or exact.",
                   {"approximate", "exact"}),
            Option("create", m_create, "Make streams that are missing; if false, their records are refused."),
            Option(
                "id", m_id,
                "auto: Redis numbers the entries by its clock. explicit: time and number of the record, for "
                "records that come in this order.",
                {"auto", "explicit"}),
            Option("window", m_window, "Records that are sent before an answer is waited for.")
                .atLeast(1)
                .atMost(100'000),
            Option(
                "lookup", m_lookup,
                "How many of a stream's last entries are read and remembered, so that a record that is there "
                "already is not added again; 0: none, and records may be doubled.")
                .atLeast(0)
                .atMost(1'000'000),
            Option("cluster", m_cluster, "Whether it is a Redis Cluster; auto asks the server.",
                   {"auto", "on", "off"}),
            Option("wait_replicas", m_waitReplicas,
                   "Replicas of each master that must have a record before it counts as delivered (WAIT).")
                .atLeast(0)
                .atMost(100),
            Option("wait_timeout", m_waitTimeout, "How long they may take.").atLeast(10).atMost(60'000),
            Option("ca_file", m_caFile, "For rediss: PEM file of the only authorities to trust."),
            Option("connect_timeout", m_connectTimeout, "How long Redis may take to let us in.")
                .atLeast(100)
                .atMost(600'000),
            Option("reply_timeout", m_replyTimeout, "How long it may be silent while an answer is due.")
                .atLeast(100)
                .atMost(600'000),
        };
    }

    OptionErrors validate() override
    {
        OptionErrors errors;
        if (const auto url = redis::Url::parse(m_url); !url)
            errors.append({QStringLiteral("url"), url.error().message, {}, {}});
        if (!m_caFile.isEmpty() && !m_url.startsWith(QLatin1String("rediss:")))
            errors.append(
                {QStringLiteral("ca_file"), QStringLiteral("is of use with rediss:// only"), {}, {}});
        m_mappings = redis_stream::EntryMappings::parse(m_key, m_fields, m_rawJson, errors);
        if (!errors.isEmpty())
            return errors;
        // The record types of other plugins are not known before their first record. What is wrong with a
        // type that nobody has written anything about is said when a record of it comes.
        for (const Schema *schema : standardSchemas()) {
            const bool isNamed = m_mappings.recordTypes().contains(QString::fromUtf8(schema->name()));
            if (isNamed || *schema == schemaOf<Trade>())
                makeForm(*schema, errors);
        }
        return errors;
    }

    Result<> start() override
    {
        const auto url = redis::Url::parse(m_url);
        if (!url)
            return url.error();
        m_added = counter("tidemill_redis_added_total", "Entries that were added to streams.");
        m_found = counter("tidemill_redis_found_total",
                          "Records that were not added because they were there already.");
        redis_stream::WriterSettings settings;
        settings.connection.url = *url;
        settings.connection.caFile = m_caFile;
        settings.connection.cluster = m_cluster;
        settings.connection.connectTimeout = m_connectTimeout;
        settings.connection.replyTimeout = m_replyTimeout;
        settings.connection.endsLostConnections = m_lookup > 0;
        settings.connection.outlivesNodes = true;
        settings.options = xaddOptions();
        settings.window = m_window;
        settings.lookup = m_lookup;
        settings.explicitIds = m_id == Id::Explicit;
        settings.waitReplicas = m_waitReplicas;
        settings.waitTimeout = m_waitTimeout;
        m_writer = std::make_unique<redis_stream::Writer>(settings, this);
        connectWriter();
        // A server that is away is noticed also while there is nothing to write.
        connect(&m_probe, &QTimer::timeout, m_writer.get(), &redis_stream::Writer::probe);
        m_probe.start(std::chrono::seconds(5));
        m_writer->open();
        return {};
    }

    void stop() override
    {
        m_probe.stop();
        m_writer.reset();
    }

    void receive(const BatchPtr &batch) override
    {
        redis_stream::EntryForm *form = formOf(batch->schema());
        if (form)
            m_writer->add(batch, form);
        else
            m_refused.push_back(batch);
    }

    void flush() override
    {
        for (const BatchPtr &batch : std::exchange(m_refused, {}))
            emit rejected(batch, {Error::Kind::Config, m_formErrors.value(batch->schema().fingerprint())});
        if (m_writer)
            m_writer->write();
    }

private:
    enum class Trim { Approximate, Exact };
    enum class Id { Auto, Explicit };

    void connectWriter()
    {
        using redis_stream::Writer;
        connect(m_writer.get(), &Writer::stored, this,
                [this](const BatchPtr &batch, const QList<RowFailure> &refused) {
                    count();
                    m_isDegraded = false; // what is delivered shows the host that all is well
                    if (refused.isEmpty())
                        emit delivered(batch);
                    else
                        emit partlyDelivered(batch, refused);
                });
        connect(m_writer.get(), &Writer::interrupted, this, [this](const Error &error) {
            count();
            m_isDegraded = false; // the host shows it, and its end
            emit failed(error);
        });
        const auto sayDegraded = [this](const Error &error) {
            m_isDegraded = true;
            emit degraded(error);
        };
        connect(m_writer.get(), &Writer::unreachable, this, sayDegraded);
        connect(m_writer.get(), &Writer::slow, this, sayDegraded);
        connect(m_writer.get(), &Writer::reached, this, [this] {
            if (std::exchange(m_isDegraded, false))
                emit recovered();
        });
    }

    void count()
    {
        m_added.add(m_writer->takeAdded());
        m_found.add(m_writer->takeFound());
    }

    qsizetype optionWords() const { return (m_create ? 0 : 1) + (m_maxLength > 0 ? 3 : 0); }

    QByteArray xaddOptions() const
    {
        QByteArray words;
        if (!m_create)
            redis::appendWord(words, QByteArrayView("NOMKSTREAM"));
        if (m_maxLength > 0) {
            redis::appendWord(words, QByteArrayView("MAXLEN"));
            redis::appendWord(words, QByteArrayView(m_trim == Trim::Exact ? "=" : "~"));
            redis::appendWord(words, m_maxLength);
        }
        return words;
    }

    redis_stream::EntryForm makeForm(const Schema &schema, OptionErrors &errors) const
    {
        auto form =
            redis_stream::EntryForm::make(schema, m_mappings, m_lookup > 0, 2 + optionWords(), errors);
        if (m_id == Id::Explicit && form.isStored()) {
            if (const auto checked = form.checkExplicitId(); !checked)
                errors.append({QStringLiteral("id"), checked.error().message, {}, {}});
        }
        return form;
    }

    // nullptr: records of this type cannot be stored.
    redis_stream::EntryForm *formOf(const Schema &schema)
    {
        const quint64 fingerprint = schema.fingerprint();
        if (const auto known = m_forms.find(fingerprint); known != m_forms.end())
            return known->second.get();
        OptionErrors errors;
        auto form = std::make_unique<redis_stream::EntryForm>(makeForm(schema, errors));
        QStringList messages;
        for (const OptionError &error : std::as_const(errors))
            messages.append(error.toString());
        if (!form->isStored())
            messages.append(QStringLiteral("fields.%1 is false").arg(QString::fromUtf8(schema.name())));
        if (!messages.isEmpty()) {
            m_formErrors.insert(fingerprint, messages.join(QStringLiteral("; ")));
            form.reset();
        }
        return m_forms.emplace(fingerprint, std::move(form)).first->second.get();
    }

    QString m_url = QStringLiteral("redis://localhost:6379/0");
    Value m_key;
    Value m_fields;
    bool m_rawJson = false;
    qint64 m_maxLength = 10'000;
    Trim m_trim = Trim::Approximate;
    bool m_create = true;
    Id m_id = Id::Auto;
    int m_window = 1000;
    int m_lookup = 2000;
    redis::Settings::Cluster m_cluster = redis::Settings::Cluster::Auto;
    int m_waitReplicas = 0;
    std::chrono::milliseconds m_waitTimeout{1000};
    QString m_caFile;
    std::chrono::milliseconds m_connectTimeout{5000};
    std::chrono::milliseconds m_replyTimeout{10'000};

    redis_stream::EntryMappings m_mappings;
    std::unordered_map<quint64, std::unique_ptr<redis_stream::EntryForm>>
        m_forms; // by the schema's fingerprint
    QHash<quint64, QString> m_formErrors;
    std::vector<BatchPtr> m_refused;
    std::unique_ptr<redis_stream::Writer> m_writer;
    QTimer m_probe{this};
    bool m_isDegraded = false;
    Counter m_added;
    Counter m_found;
};

TIDEMILL_PLUGIN(RedisStream, "redis_stream.json")

#include "redis_stream.moc"
