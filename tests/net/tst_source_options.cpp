// SPDX-License-Identifier: Apache-2.0
#include "feed_fixture.h"
#include "raw_peer.h"

#include <tidemill/net/source_options.h>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

// What of a connection a pipeline file can set, up to the connection itself.
class tst_SourceOptions : public FeedFixture
{
    Q_OBJECT

private slots:
    void init() { create(); }
    void cleanup() { destroy(); }

    void isTheSameAsEverIfNotSet()
    {
        const FeedSettings usual;
        const FeedSettings set = connectionOf({});

        QCOMPARE(set.connectTimeout, usual.connectTimeout);
        QCOMPARE(set.backoff.initial, usual.backoff.initial);
        QCOMPARE(set.backoff.max, usual.backoff.max);
        QCOMPARE(set.maxMessageBytes, usual.maxMessageBytes);
    }

    void keepsWithinBounds_data()
    {
        QTest::addColumn<QString>("option");
        QTest::addColumn<QVariant>("value");
        QTest::addColumn<QString>("message"); // empty: good

        const auto row = [](const char *option, const char *value, const char *message) {
            QTest::addRow("%s: %s", option, value) << option << QVariant(value) << message;
        };
        row("open_timeout", "100ms", "");
        row("open_timeout", "5m", "");
        row("open_timeout", "99ms", "must be at least 100ms");
        row("open_timeout", "0s", "must be at least 100ms");
        row("open_timeout", "301s", "must be at most 5m");
        row("max_pause", "100ms", "");
        row("max_pause", "1h", "");
        row("max_pause", "99ms", "must be at least 100ms");
        row("max_pause", "61m", "must be at most 1h");
        row("max_message", "1KiB", "");
        row("max_message", "256MiB", "");
        row("max_message", "1023", "must be at least 1KiB");
        row("max_message", "257MiB", "must be at most 256MiB");
    }

    void keepsWithinBounds()
    {
        QFETCH(QString, option);
        QFETCH(QVariant, value);
        QFETCH(QString, message);
        SourceOptions options("wss://h", "https://h");

        const OptionErrors errors = options.options().apply(
            Value::fromVariant(QVariantMap{{"connections", QVariantMap{{option, value}}}}));

        QCOMPARE(errors.isEmpty() ? QString() : errors.first().message, message);
    }

    void givesUpAnAttemptThatIsNotAnswered()
    {
        const RawPeer mute;
        m_settings = connectionOf({{"open_timeout", "200ms"}});
        m_settings.url = mute.url("ws");
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);

        QVERIFY(m_feed->open(m_settings));

        QTRY_VERIFY(!lost.isEmpty());
        const QString reason = lost.first().first().value<LostInfo>().reason;
        QVERIFY2(reason.endsWith("no answer to the WebSocket handshake in 200 ms"), qPrintable(reason));
    }

    void neverPausesLonger()
    {
        m_settings = connectionOf({{"max_pause", "150ms"}});
        m_settings.url = m_server->serverUrl();
        m_server->close();
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);

        QVERIFY(m_feed->open(m_settings));

        // By then a pause would be 30 s if nothing bounded it.
        QTRY_VERIFY_WITH_TIMEOUT(lost.size() >= 12, 20000);
        for (const auto &arguments : lost) {
            const auto pause = arguments.first().value<LostInfo>().nextTry;
            QVERIFY2(pause <= 150ms, qPrintable(QString::number(pause.count())));
        }
    }

    void takesMessagesUpToTheLimit_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<bool>("passes");

        QTest::newRow("not set") << QVariantMap() << true;
        QTest::newRow("1 MiB") << QVariantMap{{"max_message", "1MiB"}} << false;
        QTest::newRow("6 MiB") << QVariantMap{{"max_message", "6MiB"}} << true;
    }

    void takesMessagesUpToTheLimit()
    {
        QFETCH(QVariantMap, options);
        QFETCH(bool, passes);
        m_settings = connectionOf(options);
        m_settings.url = m_server->serverUrl();
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);
        qsizetype received = 0;
        connect(m_feed.get(), &FeedConnection::framesReceived, this, [&received](const Frames &frames) {
            for (const auto &frame : frames)
                received += frame.payload.size();
        });
        goLive();

        m_peer->sendTextMessage(QString(5000000, QLatin1Char('x')));

        QTRY_VERIFY(received > 0 || !lost.isEmpty());
        QCOMPARE(received, passes ? 5000000 : 0);
        if (!passes)
            QCOMPARE(int(lost.first().first().value<LostInfo>().closeCode), 1009);
    }

private:
    static FeedSettings connectionOf(const QVariantMap &connections)
    {
        SourceOptions options("wss://h", "https://h");
        const OptionErrors errors =
            options.options().apply(Value::fromVariant(QVariantMap{{"connections", connections}}));
        return errors.isEmpty() ? options.feedPlan().connection : FeedSettings();
    }
};

QTEST_GUILESS_MAIN(tst_SourceOptions)

#include "tst_source_options.moc"
