// SPDX-License-Identifier: Apache-2.0
#include "feed_bench.h"

#include <QElapsedTimer>

#include <algorithm>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

// How streams are spread over connections, added and removed, and what makes a connection live.
class tst_FeedStreams : public FeedBench
{
    Q_OBJECT

private slots:
    void init() { create(); }
    void cleanup() { destroy(); }

    void goesLiveDeliversAndEnds()
    {
        QSignalSpy finished(m_feed.get(), &Feed::finished);
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy resumed(m_feed.get(), &Feed::resumed);
        QVERIFY(!m_feed->isLive());
        goLive("abc");
        QCOMPARE(m_exchange->peer(0).received, QStringList({"sub a b c"}));
        m_exchange->publish("b");
        QTRY_COMPARE(m_log.streams(), QStringList({"b"}));
        QVERIFY(m_log.data.first().leads);
        QList<int> back;
        for (const auto &arguments : resumed)
            back += arguments.first().value<QList<int>>();
        QCOMPARE(sorted(back), QList<int>({0, 1, 2}));
        const FeedFigures figures = m_feed->figures();
        QCOMPARE(figures.connections, 1);
        QCOMPARE(figures.connectionsLive, 1);
        QCOMPARE(figures.connectAttempts, quint64(1));
        QCOMPARE(figures.framesReceived, quint64(4));
        QVERIFY(figures.bytesReceived > 10);
        QCOMPARE(figures.losses, quint64(0));

        m_feed->close();

        QVERIFY(finished.isEmpty());
        QVERIFY(!m_feed->isLive());
        QTRY_COMPARE(finished.size(), 1);
        QTRY_COMPARE(m_exchange->present(), size_t(0));
        QVERIFY(troubled.isEmpty());
        QCOMPARE(m_feed->figures().connections, 0);
        QCOMPARE(m_feed->figures().framesReceived, quint64(4)); // of those that are gone, too
        QVERIFY(m_feed->open(m_plan, named("d")));
        QTRY_VERIFY(m_feed->isLive());
    }

    void closesWithoutAnyConnection_data()
    {
        QTest::addColumn<bool>("isOpen");

        QTest::newRow("never opened") << false;
        QTest::newRow("no streams") << true;
    }

    void closesWithoutAnyConnection()
    {
        QFETCH(bool, isOpen);
        QSignalSpy finished(m_feed.get(), &Feed::finished);
        if (isOpen)
            QVERIFY(m_feed->open(m_plan, {}));

        m_feed->close();

        QVERIFY(finished.isEmpty());
        QTRY_COMPARE(finished.size(), 1);
    }

    void refusesPlansThatCannotWork_data()
    {
        QTest::addColumn<QString>("what");
        QTest::addColumn<QString>("says");

        QTest::newRow("url") << "url"
                             << "ws or wss";
        QTest::newRow("streams per connection") << "room"
                                                << "at least 1 stream";
        QTest::newRow("redundancy") << "redundancy"
                                    << "at least 1, got 0";
        QTest::newRow("bounds") << "bounds"
                                << "bounds of silence";
        QTest::newRow("name twice") << "name"
                                    << "a (1) stands there twice";
        QTest::newRow("id twice") << "id"
                                  << "b (0) stands there twice";
        QTest::newRow("open already") << "open"
                                      << "open already";
    }

    void refusesPlansThatCannotWork()
    {
        QFETCH(QString, what);
        QFETCH(QString, says);
        QList<FeedStream> streams = named("a");
        if (what == "url")
            m_plan.connection.url = QUrl("https://example.com/");
        if (what == "room")
            m_plan.streamsPerConnection = 0;
        if (what == "redundancy")
            m_plan.redundancy = 0;
        if (what == "bounds")
            m_plan.silenceCeiling = 1ms;
        if (what == "name")
            streams.append({1, "a"});
        if (what == "id")
            streams.append({0, "b"});
        if (what == "open")
            QVERIFY(m_feed->open(m_plan, streams));

        const auto opened = m_feed->open(m_plan, streams);

        QVERIFY(!opened);
        QVERIFY2(opened.error().message.contains(says), qPrintable(opened.error().message));
    }

    void spreadsOverConnections()
    {
        m_plan.streamsPerConnection = 2;
        goLive("abcde");

        QCOMPARE(m_feed->figures().connections, 3);
        QCOMPARE(m_exchange->count(), size_t(3));
        QStringList asked;
        for (size_t i = 0; i < 3; ++i)
            asked += m_exchange->peer(i).received;
        std::sort(asked.begin(), asked.end());
        QCOMPARE(asked, QStringList({"sub a b", "sub c d", "sub e"}));
    }

    void additionsFillTheRoomFirst()
    {
        m_plan.streamsPerConnection = 2;
        goLive("abc");

        m_feed->setStreams(named("abcdef"));

        QTRY_COMPARE(m_feed->figures().connections, 3);
        QTRY_VERIFY(m_feed->isLive());
        QTRY_COMPARE(m_exchange->subscribers("d").value(0), m_exchange->subscribers("c").value(0));
        QCOMPARE(m_exchange->subscribers("d").value(0)->received, QStringList({"sub c", "sub d"}));
        QCOMPARE(m_exchange->subscribers("e").value(0)->received, QStringList({"sub e f"}));
    }

    void removalsUnsubscribeAndCloseWhatIsEmpty()
    {
        m_plan.streamsPerConnection = 2;
        goLive("abcd");
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy interrupted(m_feed.get(), &Feed::interrupted);

        m_feed->setStreams(named("b"));

        QTRY_COMPARE(m_exchange->present(), size_t(1));
        QTRY_COMPARE(m_exchange->subscribers("b").value(0)->received, QStringList({"sub a b", "unsub a"}));
        QCOMPARE(m_feed->figures().connections, 1);
        QVERIFY(m_feed->isLive());
        QVERIFY(troubled.isEmpty());
        QVERIFY(interrupted.isEmpty());
    }

    void theLastOneCanGoAndOthersCome()
    {
        goLive("a");
        m_feed->setStreams({});
        QTRY_COMPARE(m_exchange->present(), size_t(0));
        QCOMPARE(m_feed->figures().connections, 0);

        m_feed->setStreams(named("b"));

        QTRY_COMPARE(m_exchange->subscribers("b").size(), 1);
        QTRY_VERIFY(m_feed->isLive());
    }

    void aStreamThatGoesAndComesInOneGoIsNotTouched()
    {
        goLive("ab");

        m_feed->setStreams(named("b"));
        m_feed->setStreams(named("bc"));
        m_feed->setStreams(named("bac"));

        QTRY_COMPARE(m_exchange->subscribers("c").size(), 1);
        QCOMPARE(m_exchange->peer(0).received, QStringList({"sub a b", "sub c"}));
    }

    void aNameUnderAnotherIdIsAnotherStream()
    {
        goLive("a");

        m_feed->setStreams({{7, "a"}});

        QTRY_COMPARE(m_exchange->peer(0).received, QStringList({"sub a", "unsub a", "sub a"}));
        m_exchange->publish("a");
        QTRY_COMPARE(m_log.data.size(), 1);
    }

    void wantingOneTwiceIsWantingIt()
    {
        goLive("a");
        QTest::ignoreMessage(QtWarningMsg, "the stream b (1) is wanted twice; the first one counts");

        m_feed->setStreams(named("abb"));

        QTRY_COMPARE(m_exchange->subscribers("b").size(), 1);
        QCOMPARE(m_exchange->peer(0).received, QStringList({"sub a", "sub b"}));
    }

    void additionsBeforeAndWhileSubscribingAreNotLost()
    {
        m_exchange->acknowledges = false;
        QVERIFY(m_feed->open(m_plan, named("a")));
        m_feed->setStreams(named("ab")); // not connected yet
        QTRY_COMPARE(m_exchange->subscribers("b").size(), 1);
        QVERIFY(!m_feed->isLive());

        m_feed->setStreams(named("abc")); // not acknowledged yet

        QTRY_COMPARE(m_exchange->peer(0).received, QStringList({"sub a b", "sub c"}));
        m_exchange->send(0, "ack a");
        m_exchange->send(0, "ack b");
        QSignalSpy resumed(m_feed.get(), &Feed::resumed);
        QTRY_VERIFY(!resumed.isEmpty());
        QVERIFY(!m_feed->isLive());
        m_exchange->send(0, "ack c");
        QTRY_VERIFY(m_feed->isLive());
    }

    void theLastUnansweredOneMayGo()
    {
        m_exchange->mute = {"b"};
        QVERIFY(m_feed->open(m_plan, named("ab")));
        QTRY_COMPARE(m_exchange->subscribers("b").size(), 1);
        QVERIFY(!m_feed->isLive());

        m_feed->setStreams(named("a"));

        QTRY_VERIFY(m_feed->isLive());
    }

    void recyclesWhatIsNeverAcknowledged_data()
    {
        QTest::addColumn<bool>("late");

        QTest::newRow("from the beginning") << false;
        QTest::newRow("added later") << true;
    }

    void recyclesWhatIsNeverAcknowledged()
    {
        QFETCH(bool, late);
        m_plan.connection.subscribeTimeout = 80ms;
        m_exchange->mute = {"b"};
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy recovered(m_feed.get(), &Feed::recovered);
        if (late) {
            goLive("a");
            m_feed->setStreams(named("ab"));
        } else {
            QVERIFY(m_feed->open(m_plan, named("ab")));
        }

        QTRY_VERIFY(!troubled.isEmpty());

        QVERIFY2(troubleOf(troubled).what.contains("no acknowledgement of the subscription of b in 80 ms"),
                 qPrintable(troubleOf(troubled).what));
        m_exchange->mute.clear();
        QTRY_COMPARE(recovered.size(), 1);
        QVERIFY(m_feed->isLive());
    }

    // A subscription that waits for the exchange's limit is not late.
    void theDeadlineWaitsForTheLimit()
    {
        m_plan.connection.subscribeTimeout = 300ms;
        m_plan.connection.controlLimit = {1, 700ms, 0ms};
        m_plan.streamsPerConnection = 10;
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        goLive("a");

        for (const char *names : {"ab", "abc", "abcd"}) {
            m_feed->setStreams(named(names));
            QCoreApplication::processEvents();
        }

        QTRY_COMPARE(m_exchange->subscribers("d").size(), 1);
        QVERIFY(m_feed->isLive());
        QVERIFY(troubled.isEmpty());
    }

    void refusedStreamsAreNamedAndTheOthersFlow()
    {
        m_exchange->refuses = {"b"};
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy recovered(m_feed.get(), &Feed::recovered);
        goLive("abc");

        QTRY_COMPARE(troubled.size(), 1);
        QCOMPARE(troubleOf(troubled).streams, QList<int>({1}));
        QCOMPARE(troubleOf(troubled).kind, Error::Kind::Config);
        QVERIFY(troubleOf(troubled).what.contains("refused the stream b: no such symbol"));
        m_exchange->publish("c");
        QTRY_COMPARE(m_log.streams(), QStringList({"c"}));
        QCOMPARE(m_exchange->peer(0).received, QStringList({"sub a b c"})); // not tried again
        QVERIFY(recovered.isEmpty());

        // A loss in between does not make it well, and the last word is what is still amiss.
        m_exchange->peer(0).socket->abort();
        QTRY_COMPARE(m_exchange->count(), size_t(2));
        QTRY_VERIFY(m_feed->isLive());
        QVERIFY(troubleOf(troubled).what.contains("refused"));
        QVERIFY(recovered.isEmpty());

        m_feed->setStreams(named("ac"));
        QTRY_COMPARE(recovered.size(), 1);
    }

    void aRefusalIsTheLastWordAlsoWhenAnotherConnectionComesBack()
    {
        m_plan.streamsPerConnection = 1;
        m_exchange->refuses = {"a"};
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy recovered(m_feed.get(), &Feed::recovered);
        goLive("ab");
        QTRY_COMPARE(troubled.size(), 1);

        m_exchange->subscribers("b").value(0)->socket->abort();

        QTRY_COMPARE(troubled.size(), 3);
        QVERIFY(troubled[1].first().value<FeedTrouble>().what.contains("lost"));
        QCOMPARE(troubleOf(troubled).what, QString("the exchange refused a"));
        QCOMPARE(troubleOf(troubled).streams, QList<int>({0}));
        QVERIFY(recovered.isEmpty());
    }

    void startsManyApartAndWithinTheLimit()
    {
        m_plan.connection.url.setHost("localhost"); // whose connections are counted apart
        m_plan.connection.connectLimit = {10, 400ms, 0ms};
        m_plan.streamsPerConnection = 1;
        QElapsedTimer clock;
        QList<qint64> times;
        clock.start();
        QVERIFY(m_feed->open(m_plan, numbered(0, 20)));
        m_log.onMessage = [&](FeedLink &, const QString &) { times.append(clock.elapsed()); };

        QTRY_VERIFY(m_feed->isLive());

        QCOMPARE(times.size(), 20);
        QVERIFY2(times[9] >= 200, "they did not start at once"); // ten of them, 25 ms apart
        QVERIFY2(times[10] >= 390, "they kept to the limit");
        QCOMPARE(m_feed->figures().connectAttempts, quint64(20));
    }

    void aPausedFeedReadsNothingAndNoDeadlineRuns()
    {
        m_plan.connection.subscribeTimeout = 200ms;
        m_plan.silenceFloor = m_plan.silenceCeiling = 200ms;
        m_plan.probeTimeout = 100ms;
        m_plan.lifetime = 300ms;
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        m_plan.streamsPerConnection = 2;
        goLive("a");
        const quint64 before = m_feed->figures().framesReceived;

        m_feed->pause();

        QVERIFY(m_feed->isPaused());
        m_exchange->publish("a");
        m_feed->setStreams(named("abc")); // one on a running connection, one on a new one
        QTRY_COMPARE(m_exchange->subscribers("c").size(), 1);
        QVERIFY(!troubled.wait(800));
        QVERIFY(m_log.data.isEmpty());
        QCOMPARE(m_feed->figures().framesReceived, before);
        QCOMPARE(m_feed->figures().rotations, quint64(0));

        m_feed->resume();

        QTRY_COMPARE(m_log.streams(), QStringList({"a"}));
        QTRY_VERIFY(m_feed->isLive());
    }

    void aSessionMayTurnOnItsFeed_data()
    {
        QTest::addColumn<QString>("what");

        for (const char *what : {"close", "setStreams", "pause", "recycle"})
            QTest::newRow(what) << QString(what);
    }

    void aSessionMayTurnOnItsFeed()
    {
        QFETCH(QString, what);
        QSignalSpy finished(m_feed.get(), &Feed::finished);
        goLive("a");
        m_log.onMessage = [&](FeedLink &link, const QString &text) {
            if (text != "data a")
                return;
            if (what == "close")
                m_feed->close();
            else if (what == "setStreams")
                m_feed->setStreams({});
            else if (what == "pause")
                m_feed->pause();
            else
                link.recycle("from within");
        };

        m_exchange->publish("a");

        QTRY_COMPARE(m_log.data.size(), 1);
        if (what == "close")
            QTRY_COMPARE(finished.size(), 1);
        else if (what == "setStreams")
            QTRY_COMPARE(m_exchange->present(), size_t(0));
        else if (what == "recycle")
            QTRY_COMPARE(m_exchange->count(), size_t(2));
        else
            QVERIFY(m_feed->isPaused());
    }

    void goesSilentlyWithItsConnections()
    {
        m_plan.streamsPerConnection = 1;
        goLive("abc");
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy finished(m_feed.get(), &Feed::finished);
        QSignalSpy interrupted(m_feed.get(), &Feed::interrupted);

        m_feed.reset();

        QCOMPARE(m_log.ended, 3);
        QCOMPARE(troubled.size() + finished.size() + interrupted.size(), 0);
        QTRY_COMPARE(m_exchange->present(), size_t(0));
    }
};

QTEST_GUILESS_MAIN(tst_FeedStreams)

#include "tst_feed_streams.moc"
