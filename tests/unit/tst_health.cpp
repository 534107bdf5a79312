// SPDX-License-Identifier: Apache-2.0
#include "host/health.h"
#include "host/status_json.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

using namespace tidemill;
using namespace tidemill::host;
using namespace std::chrono_literals;

Q_DECLARE_METATYPE(tidemill::host::NodeState)
Q_DECLARE_METATYPE(std::chrono::milliseconds)

using Milliseconds = std::chrono::milliseconds;

static std::shared_ptr<NodeStatus> addNode(HostStatus &host, const QString &name, NodeKind kind,
                                           const NodeSettings &settings = {},
                                           const QString &pipeline = QStringLiteral("p"))
{
    NodeDescription description;
    description.name = name;
    description.kind = kind;
    description.type = QStringLiteral("some");
    description.settings = settings;
    description.options =
        Value::map({{QStringLiteral("password"), {}, Value::scalar(QStringLiteral("hunter2"))}});
    auto node = std::make_shared<NodeStatus>(pipeline, description);
    host.add(node);
    return node;
}

static Source::Stream stream(const char *symbol, const char *name, Timestamp last)
{
    return {symbol, name, std::make_shared<std::atomic<qint64>>(last.ns)};
}

// The main loop turned just before `now`.
static void beat(HostStatus &host, Timestamp now)
{
    host.lastBeatNs = now.ns;
}

class tst_Health : public QObject
{
    Q_OBJECT

private slots:
    void doesNotWaitForDataOfASourceThatHasFinished()
    {
        HostStatus host;
        const auto node = addNode(host, QStringLiteral("history"), NodeKind::Source);
        node->setStreams({stream("BTCUSDT", "agg_trades", node->created)});
        node->setState(NodeState::Running);
        const Timestamp later = node->created + 1h;
        beat(host, later);
        QVERIFY(!health(host, later).ok);

        node->setState(NodeState::Stopped);
        node->finished.store(true);

        QVERIFY(health(host, later).ok);
        QCOMPARE(nodeJson(*node, later)["finished"].toBool(), true);
    }

    void judgesStates_data()
    {
        QTest::addColumn<NodeState>("state");
        QTest::addColumn<Milliseconds>("inState");
        QTest::addColumn<Milliseconds>("staleAfter");
        QTest::addColumn<QString>("status");

        const Milliseconds minute = 60s;
        QTest::newRow("created") << NodeState::Created << Milliseconds(5s) << minute << "OK";
        QTest::newRow("started") << NodeState::Started << Milliseconds(5s) << minute << "OK";
        QTest::newRow("running") << NodeState::Running << minute << minute << "OK";
        QTest::newRow("stopping") << NodeState::Stopping << minute << minute << "OK";
        QTest::newRow("stopped") << NodeState::Stopped << minute << minute << "OK";
        QTest::newRow("failed") << NodeState::Failed << Milliseconds(0) << minute << "FAIL";
        QTest::newRow("failed, never stale")
            << NodeState::Failed << Milliseconds(0) << Milliseconds(0) << "FAIL";
        QTest::newRow("degraded just now") << NodeState::Degraded << Milliseconds(0) << minute << "DEGRADED";
        QTest::newRow("degraded to the limit") << NodeState::Degraded << minute << minute << "DEGRADED";
        QTest::newRow("degraded too long") << NodeState::Degraded << Milliseconds(60'001) << minute << "FAIL";
        QTest::newRow("degraded, never stale")
            << NodeState::Degraded << Milliseconds(1h) << Milliseconds(0) << "DEGRADED";
    }

    void judgesStates()
    {
        QFETCH(NodeState, state);
        QFETCH(Milliseconds, inState);
        QFETCH(Milliseconds, staleAfter);
        QFETCH(QString, status);
        HostStatus host;
        NodeSettings settings;
        settings.staleAfter = staleAfter;
        addNode(host, "other", NodeKind::Transform)->setState(NodeState::Running);
        const auto node = addNode(host, "db", NodeKind::Sink, settings);
        const QString cause = status == QLatin1String("OK") ? QString() : QStringLiteral("database away");
        node->setState(state, cause);
        const Timestamp now = node->snapshot().since + inState;
        beat(host, now);

        const HealthAnswer answer = health(host, now);

        QCOMPARE(answer.body.value("status").toString(), status);
        QCOMPARE(answer.ok, status != QLatin1String("FAIL"));
        QVERIFY(Timestamp::parse(answer.body.value("timestamp").toString().toLatin1()));
        const QJsonArray checks = answer.body.value("checks").toArray();
        QCOMPARE(checks.size(), 2);
        QCOMPARE(
            checks[0].toObject(),
            (QJsonObject{
                {"pipeline", "p"}, {"node", "other"}, {"state", "running"}, {"ok", true}, {"error", {}}}));
        QCOMPARE(checks[1].toObject().value("ok").toBool(), answer.ok);
        QCOMPARE(checks[1].toObject().value("error").toString(), cause);
        QCOMPARE(checks[1].toObject().value("state").toString().toLatin1(), nodeStateName(state));
    }

    void namesTheCallThatDoesNotReturn_data()
    {
        QTest::addColumn<NodeState>("state");
        QTest::addColumn<QString>("error");

        QTest::newRow("created") << NodeState::Created << "creating it has not returned for 5.5 s";
        QTest::newRow("started") << NodeState::Started << "start() has not returned for 5.5 s";
    }

    void namesTheCallThatDoesNotReturn()
    {
        QFETCH(NodeState, state);
        QFETCH(QString, error);
        HostStatus host;
        const auto node = addNode(host, "db", NodeKind::Sink);
        node->setState(state);
        const Timestamp now = node->snapshot().since + 5500ms;
        beat(host, now);

        const HealthAnswer answer = health(host, now);

        QVERIFY(!answer.ok);
        const QJsonObject check = answer.body.value("checks").toArray().at(0).toObject();
        QCOMPARE(check.value("error").toString(), error);
        QCOMPARE(check.value("ok").toBool(), false);
    }

    void judgesDataAge_data()
    {
        QTest::addColumn<NodeState>("state");
        QTest::addColumn<Milliseconds>("running"); // since the node was made
        QTest::addColumn<Milliseconds>("dataAge"); // negative: none yet
        QTest::addColumn<Milliseconds>("staleAfter");
        QTest::addColumn<Milliseconds>("grace");
        QTest::addColumn<QString>("status");

        const Milliseconds none = -1ms;
        const Milliseconds never = 0ms;
        QTest::newRow("fresh") << NodeState::Running << Milliseconds(1h) << Milliseconds(59s)
                               << Milliseconds(60s) << Milliseconds(5min) << "OK";
        QTest::newRow("silent") << NodeState::Running << Milliseconds(1h) << Milliseconds(61s)
                                << Milliseconds(60s) << Milliseconds(5min) << "FAIL";
        QTest::newRow("silent, but never stale") << NodeState::Running << Milliseconds(1h)
                                                 << Milliseconds(61s) << never << Milliseconds(5min) << "OK";
        QTest::newRow("silent within the grace")
            << NodeState::Running << Milliseconds(299s) << Milliseconds(200s) << Milliseconds(60s)
            << Milliseconds(5min) << "OK";
        QTest::newRow("nothing within the grace") << NodeState::Running << Milliseconds(299s) << none
                                                  << Milliseconds(60s) << Milliseconds(5min) << "OK";
        QTest::newRow("nothing after the grace") << NodeState::Running << Milliseconds(301s) << none
                                                 << Milliseconds(60s) << Milliseconds(5min) << "FAIL";
        QTest::newRow("nothing, no grace, young") << NodeState::Running << Milliseconds(59s) << none
                                                  << Milliseconds(60s) << Milliseconds(0) << "OK";
        QTest::newRow("nothing, no grace, old") << NodeState::Running << Milliseconds(61s) << none
                                                << Milliseconds(60s) << Milliseconds(0) << "FAIL";
        QTest::newRow("degraded and fresh") << NodeState::Degraded << Milliseconds(1h) << Milliseconds(1s)
                                            << Milliseconds(2h) << Milliseconds(5min) << "DEGRADED";
        QTest::newRow("stopped") << NodeState::Stopped << Milliseconds(1h) << Milliseconds(10min)
                                 << Milliseconds(60s) << Milliseconds(5min) << "OK";
        QTest::newRow("stopping") << NodeState::Stopping << Milliseconds(1h) << Milliseconds(10min)
                                  << Milliseconds(60s) << Milliseconds(5min) << "OK";
        QTest::newRow("data from the future") << NodeState::Running << Milliseconds(1h) << Milliseconds(-10s)
                                              << Milliseconds(60s) << Milliseconds(5min) << "OK";
    }

    void judgesDataAge()
    {
        QFETCH(NodeState, state);
        QFETCH(Milliseconds, running);
        QFETCH(Milliseconds, dataAge);
        QFETCH(Milliseconds, staleAfter);
        QFETCH(Milliseconds, grace);
        QFETCH(QString, status);
        HostStatus host;
        NodeSettings settings;
        settings.staleAfter = staleAfter;
        settings.startupGrace = grace;
        const auto node = addNode(host, "btc", NodeKind::Source, settings);
        node->setState(state);
        const Timestamp now = node->created + running;
        beat(host, now);
        const Timestamp last = dataAge == -1ms ? Timestamp() : now + -dataAge;
        node->setStreams({stream("ETHUSDT", "trade", now), stream("BTCUSDT", "depth", last)});

        const HealthAnswer answer = health(host, now);

        QCOMPARE(answer.body.value("status").toString(), status);
        const QJsonObject check = answer.body.value("checks").toArray().first().toObject();
        const QJsonArray streams = check.value("streams").toArray();
        if (status == QLatin1String("FAIL")) {
            QCOMPARE(streams.size(), 1); // only what is wrong
            QCOMPARE(streams[0].toObject().value("symbol").toString(), QStringLiteral("BTCUSDT"));
            QCOMPARE(streams[0].toObject().value("stream").toString(), QStringLiteral("depth"));
            QCOMPARE(streams[0].toObject().value("ok"), QJsonValue(false));
            QCOMPARE(streams[0].toObject().value("age_seconds").isNull(), dataAge == -1ms);
            QCOMPARE(check.value("error").toString(),
                     QStringLiteral("no data for more than 60 s in 1 of 2 streams, first BTCUSDT depth"));
        } else {
            QCOMPARE(streams, QJsonArray());
        }
    }

    void oneLiveStreamIsEnoughIfToldSo_data()
    {
        QTest::addColumn<NodeState>("state");
        QTest::addColumn<Milliseconds>("running");
        QTest::addColumn<Milliseconds>("thin"); // ages of the data of two streams
        QTest::addColumn<Milliseconds>("busy");
        QTest::addColumn<QString>("status");

        const Milliseconds hour = 1h;
        QTest::newRow("both live") << NodeState::Running << hour << Milliseconds(1s) << Milliseconds(1s)
                                   << "OK";
        QTest::newRow("one silent") << NodeState::Running << hour << hour << Milliseconds(59s) << "OK";
        QTest::newRow("the other one silent")
            << NodeState::Running << hour << Milliseconds(59s) << hour << "OK";
        QTest::newRow("both silent") << NodeState::Running << hour << hour << Milliseconds(61s) << "FAIL";
        QTest::newRow("both silent within the grace")
            << NodeState::Running << Milliseconds(299s) << hour << hour << "OK";
        QTest::newRow("degraded for long, one live")
            << NodeState::Degraded << hour << hour << Milliseconds(1s) << "DEGRADED";
        QTest::newRow("degraded within the grace")
            << NodeState::Degraded << Milliseconds(299s) << hour << hour << "DEGRADED";
        QTest::newRow("degraded, both silent") << NodeState::Degraded << hour << hour << hour << "FAIL";
        QTest::newRow("failed, both live")
            << NodeState::Failed << hour << Milliseconds(1s) << Milliseconds(1s) << "FAIL";
    }

    void oneLiveStreamIsEnoughIfToldSo()
    {
        QFETCH(NodeState, state);
        QFETCH(Milliseconds, running);
        QFETCH(Milliseconds, thin);
        QFETCH(Milliseconds, busy);
        QFETCH(QString, status);
        HostStatus host;
        NodeSettings settings;
        settings.staleWhen = StaleWhen::AllStreams;
        const auto node = addNode(host, "btc", NodeKind::Source, settings);
        node->setState(state);
        const Timestamp now = node->created + running;
        beat(host, now);
        node->setStreams(
            {stream("XRP-USD", "candles", now + -thin), stream("BTC-USD", "candles", now + -busy)});

        const HealthAnswer answer = health(host, now);

        QCOMPARE(answer.body.value("status").toString(), status);
        QCOMPARE(answer.ok, status != QLatin1String("FAIL"));
        const QJsonObject check = answer.body.value("checks").toArray().first().toObject();
        const bool isSilent = !answer.ok && state != NodeState::Failed;
        QCOMPARE(check.value("streams").toArray().size(), isSilent ? 2 : 0);
        if (isSilent)
            QCOMPARE(check.value("error").toString(),
                     "no data for more than 60 s in 2 of 2 streams, first XRP-USD candles");
    }

    void withoutStreamsADegradedSourceFailsAsAnyNode()
    {
        HostStatus host;
        NodeSettings settings;
        settings.staleWhen = StaleWhen::AllStreams;
        const auto node = addNode(host, "btc", NodeKind::Source, settings);
        node->setState(NodeState::Degraded, QStringLiteral("refused"));
        const Timestamp now = node->snapshot().since + 61s;
        beat(host, now);

        QVERIFY(!health(host, now).ok);
    }

    void aSecondCauseDoesNotRestartTheClock()
    {
        HostStatus host;
        const auto node = addNode(host, "db", NodeKind::Sink);
        node->setState(NodeState::Degraded, QStringLiteral("refused"));
        const Timestamp since = node->snapshot().since;
        QTRY_VERIFY(Timestamp::now() > since);

        node->setState(NodeState::Degraded, QStringLiteral("timed out"));
        QCOMPARE(node->snapshot().since, since);
        QCOMPARE(node->snapshot().error, QStringLiteral("timed out"));

        node->setState(NodeState::Running);
        QVERIFY(node->snapshot().since > since);
        QCOMPARE(node->snapshot().error, QString());
    }

    void livenessIsTheLoops_data()
    {
        QTest::addColumn<Milliseconds>("age");
        QTest::addColumn<bool>("live");

        QTest::newRow("just now") << Milliseconds(0) << true;
        QTest::newRow("late") << Milliseconds(9'999) << true;
        QTest::newRow("hangs") << Milliseconds(10'000) << false;
        QTest::newRow("the clock was set back") << Milliseconds(-1h) << true;
    }

    void livenessIsTheLoops()
    {
        QFETCH(Milliseconds, age);
        QFETCH(bool, live);
        HostStatus host;
        const Timestamp now = host.started + 24h;
        beat(host, now + -age);

        QCOMPARE(liveness(host, now).ok, live);
        QCOMPARE(health(host, now).ok, live);
        QCOMPARE(health(host, now).body.value("status").toString(), live ? "OK" : "FAIL");
        QCOMPARE(health(host, now).body.contains("error"), !live);
    }

    void beforeTheFirstBeatTheStartCounts()
    {
        const HostStatus host;

        QVERIFY(liveness(host, host.started + 9s).ok);
        QVERIFY(!liveness(host, host.started + 11s).ok);
    }

    void readyWhileUpAndNotStopping()
    {
        HostStatus host;
        QVERIFY(!readiness(host, Timestamp::now()).ok);
        QCOMPARE(readiness(host, Timestamp::now()).body.value("error").toString(), "still starting");

        host.ready = true;
        QVERIFY(readiness(host, Timestamp::now()).ok);

        host.stopping = true;
        QVERIFY(!readiness(host, Timestamp::now()).ok);
        QCOMPARE(readiness(host, Timestamp::now()).body.value("error").toString(), "stopping");
    }

    void findsComponents_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<QString>("found"); // empty: none

        QTest::newRow("in full") << "one/db"
                                 << "one/db";
        QTest::newRow("by a name of its own") << "btc"
                                              << "one/btc";
        QTest::newRow("by a name that two have") << "db"
                                                 << "";
        QTest::newRow("unknown") << "eth"
                                 << "";
        QTest::newRow("empty") << ""
                               << "";
    }

    void findsComponents()
    {
        QFETCH(QString, id);
        QFETCH(QString, found);
        HostStatus host;
        addNode(host, "btc", NodeKind::Source, {}, "one")->recordsOut = 9'007'199'254'740'993;
        addNode(host, "db", NodeKind::Sink, {}, "one");
        addNode(host, "db", NodeKind::Sink, {}, "two");

        const auto answer = componentHealth(host, id, Timestamp::now());

        QCOMPARE(componentIds(host), (QStringList{"one/btc", "one/db", "two/db"}));
        QCOMPARE(answer.has_value(), !found.isEmpty());
        if (!answer)
            return;
        QCOMPARE(answer->body.value("pipeline").toString() + '/' + answer->body.value("node").toString(),
                 found);
        QVERIFY(answer->ok);
        if (found == QLatin1String("one/btc"))
            QCOMPARE(answer->body.value("records_out").toInteger(), 9'007'199'254'740'993);
    }

    void detailedNamesEverythingButOptions()
    {
        HostStatus host;
        const Timestamp now = Timestamp::now();
        beat(host, now);
        const auto source = addNode(host, "btc", NodeKind::Source);
        source->setStreams({stream("BTCUSDT", "trade", now)});
        addNode(host, "db", NodeKind::Sink)->setState(NodeState::Failed, QStringLiteral("disk full"));

        const HealthAnswer answer = detailedHealth(host, now, QStringLiteral("1.2.3"));

        QVERIFY(!answer.ok);
        QCOMPARE(answer.body.value("version").toString(), QStringLiteral("1.2.3"));
        QCOMPARE(answer.body.value("live"), QJsonValue(true));
        QCOMPARE(answer.body.value("ready"), QJsonValue(false));
        const QJsonObject components = answer.body.value("components").toObject();
        QCOMPARE(components.keys(), (QStringList{"p/btc", "p/db"}));
        QCOMPARE(components.value("p/db").toObject().value("status").toString(), QStringLiteral("FAIL"));
        QCOMPARE(components.value("p/btc").toObject().value("streams").toArray().size(), 1);
        QVERIFY(!QJsonDocument(answer.body).toJson().contains("hunter2"));
    }

    void statsAndPairs()
    {
        HostStatus host;
        const Timestamp now = Timestamp::now();
        const auto one = addNode(host, "one", NodeKind::Source);
        one->setStreams({stream("ETHUSDT", "trade", now), stream("BTCUSDT", "trade", {}),
                         stream("BTCUSDT", "depth", {})});
        const auto two = addNode(host, "two", NodeKind::Source);
        two->setStreams({stream("BTCUSDT", "trade", now + -1500ms)});
        const auto sink = addNode(host, "db", NodeKind::Sink);
        sink->recordsIn = 10;
        sink->recordsOut = 7;
        sink->recordsDropped = 1;
        sink->recordsQueued = 2;
        auto into = std::make_shared<EdgeStatus>("p", "one", "db", "trade");
        into->recordsIn = 5;
        into->recordsDropped[std::size_t(EdgeStatus::Drop::QueueFull)] = 1;
        into->recordsDropped[std::size_t(EdgeStatus::Drop::Superseded)] = 2;
        host.add(into);
        // A figure that was counted nowhere else shows.
        QVERIFY(!into->imbalance().isEmpty());
        into->recordsOut = 2;
        QCOMPARE(into->imbalance(), QString());

        const QJsonObject stats = statsJson(host, now);
        QCOMPARE(stats.value("pairs_count").toInt(), 2);
        const QJsonObject db = stats.value("nodes").toArray()[2].toObject();
        QCOMPARE(db.value("records_in").toInt(), 10);
        QCOMPARE(db.value("records_out").toInt(), 7);
        QCOMPARE(db.value("records_dropped").toInt(), 1);
        QCOMPARE(stats.value("edges").toArray().size(), 1);
        const QJsonObject edge = stats.value("edges").toArray()[0].toObject();
        QCOMPARE(edge.value("to").toString(), "db");
        QCOMPARE(edge.value("records_in").toInt(), 5);
        QCOMPARE(edge.value("records_dropped").toInt(), 3);
        QCOMPARE(db.value("records_queued").toInt(), 2);
        QCOMPARE(db.value("kind").toString(), QStringLiteral("sink"));

        const QJsonObject pairs = pairsJson(host, now);
        QCOMPARE(pairs.value("count").toInt(), 2);
        QCOMPARE(pairs.value("pairs").toArray(), (QJsonArray{"BTCUSDT", "ETHUSDT"}));
        const QJsonArray sources = pairs.value("sources").toArray();
        QCOMPARE(sources.size(), 2);
        QCOMPARE(sources[0].toObject().value("streams").toArray().size(), 3);
        QCOMPARE(
            sources[1].toObject().value("streams").toArray()[0].toObject().value("age_seconds").toDouble(),
            1.5);
    }
};

QTEST_GUILESS_MAIN(tst_Health)

#include "tst_health.moc"
