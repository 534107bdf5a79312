// SPDX-License-Identifier: Apache-2.0
#include "extensions.h"
#include "handshake.h"

#include <QTest>

using namespace tidemill;
using namespace tidemill::net;

// "peer 15 keeps, we 15 keep", "none" or the error.
static QString outcome(QByteArrayView answer, const Compression &offered)
{
    const auto result = readExtensionAnswer(answer, offered);
    if (!result)
        return result.error().message;
    if (!*result)
        return QStringLiteral("none");
    const DeflateAgreement &agreed = **result;
    return QStringLiteral("peer %1%2, we %3%4")
        .arg(agreed.peerWindowBits)
        .arg(agreed.peerKeepsContext ? " keeps" : "")
        .arg(agreed.ourWindowBits)
        .arg(agreed.weKeepContext ? " keep" : "");
}

// What is asked of a server about compression, and what it may answer.
class tst_Extensions : public QObject
{
    Q_OBJECT

private slots:
    void offers_data()
    {
        QTest::addColumn<Compression>("wanted");
        QTest::addColumn<QByteArray>("offer");

        const QByteArray plain = "permessage-deflate; client_max_window_bits";
        QTest::newRow("off") << Compression{} << QByteArray();
        QTest::newRow("on") << Compression{.enabled = true} << plain;
        QTest::newRow("the peer forgets") << Compression{.enabled = true, .peerKeepsContext = false}
                                          << plain + "; server_no_context_takeover";
        QTest::newRow("we forget") << Compression{.enabled = true, .weKeepContext = false}
                                   << plain + "; client_no_context_takeover";
        QTest::newRow("small window")
            << Compression{.enabled = true, .peerWindowBits = 10} << plain + "; server_max_window_bits=10";
    }

    void offers()
    {
        QFETCH(Compression, wanted);
        QFETCH(QByteArray, offer);
        QCOMPARE(extensionOffer(wanted), offer);

        const QByteArray request = upgradeRequest(QUrl("ws://host/"), {}, "key", wanted);

        const QByteArray line = "\r\nSec-WebSocket-Extensions: " + offer + "\r\n";
        QCOMPARE(request.count("Sec-WebSocket-Extensions"), offer.isEmpty() ? 0 : 1);
        QCOMPARE(request.contains(line), !offer.isEmpty());
    }

    void refusesWindowsThatCannotBe()
    {
        for (const int bits : {-1, 0, 8, 16})
            QVERIFY(!checkCompression({.enabled = true, .peerWindowBits = bits}));
        for (const int bits : {9, 15})
            QVERIFY(checkCompression({.enabled = true, .peerWindowBits = bits}));
    }

    void readsAnswers_data()
    {
        QTest::addColumn<QByteArray>("answer");
        QTest::addColumn<QString>("result");
        const auto row = [](const char *name, const QByteArray &answer, const QString &result) {
            QTest::newRow(name) << answer << result;
        };
        const QByteArray deflate = "permessage-deflate";
        const QString noList = "Sec-WebSocket-Extensions of the reply is no list of extensions";
        const QString unasked = "the reply agrees to an extension that was not asked for: '%1'";
        const QString bits = "expected 8 to 15 as '%1' of permessage-deflate, got '%2'";
        const QString twice = "the reply sets '%1' of permessage-deflate more than once";
        const QString unknown = "the reply sets '%1' of permessage-deflate, which is not known";

        row("nothing", "", "none");
        row("nothing but commas", ", ,", "none");
        row("plain", deflate, "peer 15 keeps, we 15 keep");
        row("among empty items", " ," + deflate + " , ", "peer 15 keeps, we 15 keep");
        row("no blanks", deflate + ";server_no_context_takeover;client_max_window_bits=9",
            "peer 15, we 9 keep");
        row("all of it",
            deflate + " ;\tserver_no_context_takeover ; client_no_context_takeover; "
                      "server_max_window_bits = 8; client_max_window_bits=\"1\\2\"",
            "peer 8, we 12");

        row("another extension", "x-webkit-deflate-frame", unasked.arg("x-webkit-deflate-frame"));
        row("another one too", deflate + ", foo", unasked.arg("foo"));
        row("in other case", "Permessage-Deflate", unasked.arg("Permessage-Deflate"));
        row("twice", deflate + ", " + deflate, "the reply agrees to permessage-deflate more than once");

        row("flag twice", deflate + "; server_no_context_takeover; server_no_context_takeover",
            twice.arg("server_no_context_takeover"));
        row("bits twice", deflate + "; server_max_window_bits=10; server_max_window_bits=10",
            twice.arg("server_max_window_bits"));
        row("unknown parameter", deflate + "; level=9", unknown.arg("level"));
        row("unknown flag", deflate + "; x_no_context_takeover", unknown.arg("x_no_context_takeover"));
        row("flag with a value", deflate + "; client_no_context_takeover=true",
            "the reply gives 'client_no_context_takeover' of permessage-deflate a value, 'true'");
        row("bits without a value", deflate + "; server_max_window_bits",
            bits.arg("server_max_window_bits", ""));
        row("our bits without a value", deflate + "; client_max_window_bits",
            bits.arg("client_max_window_bits", ""));
        for (const char *const value : {"0", "7", "16", "015", "08", "+9", "-9", "9x", "1e1", "99999999999"})
            row(value, deflate + "; server_max_window_bits=" + value,
                bits.arg("server_max_window_bits", value));

        row("no name", "; server_no_context_takeover", noList);
        row("no parameter", deflate + ";", noList);
        row("no value", deflate + "; server_max_window_bits=", noList);
        row("open quote", deflate + "; server_max_window_bits=\"10", noList);
        row("open escape", deflate + "; server_max_window_bits=\"1\\", noList);
        row("empty quotes", deflate + "; server_max_window_bits=\"\"", noList);
        row("no token in quotes", deflate + "; server_max_window_bits=\"1 0\"", noList);
        row("no comma", deflate + " " + deflate, noList);
        row("no token", "permessage(deflate)", noList);
        row("a zero", QByteArray("permessage-deflate\0", 19), noList);
    }

    void readsAnswers()
    {
        QFETCH(QByteArray, answer);
        QFETCH(QString, result);

        QCOMPARE(outcome(answer, {.enabled = true}), result);
    }

    void anAnswerToNoQuestionIsRefused()
    {
        QCOMPARE(outcome("permessage-deflate", {}),
                 "the reply agrees to an extension that was not asked for: 'permessage-deflate'");
        QCOMPARE(outcome("", {}), "none");
    }

    void holdsThePeerToWhatWasAsked_data()
    {
        QTest::addColumn<Compression>("offered");
        QTest::addColumn<QByteArray>("parameters");
        QTest::addColumn<QString>("result");
        const Compression forgetful{.enabled = true, .peerKeepsContext = false};
        const Compression small{.enabled = true, .peerWindowBits = 11};
        const Compression ours{.enabled = true, .weKeepContext = false};

        QTest::newRow("forgets") << forgetful << QByteArray("; server_no_context_takeover")
                                 << "peer 15, we 15 keep";
        QTest::newRow("does not forget") << forgetful << QByteArray()
                                         << "the reply agrees to permessage-deflate without the "
                                            "server_no_context_takeover that was asked for";
        QTest::newRow("window as asked")
            << small << QByteArray("; server_max_window_bits=11") << "peer 11 keeps, we 15 keep";
        QTest::newRow("smaller window")
            << small << QByteArray("; server_max_window_bits=9") << "peer 9 keeps, we 15 keep";
        QTest::newRow("larger window")
            << small << QByteArray("; server_max_window_bits=12")
            << "expected at most 11 as 'server_max_window_bits' of permessage-deflate, got 12";
        QTest::newRow("no window")
            << small << QByteArray()
            << "expected at most 11 as 'server_max_window_bits' of permessage-deflate, got none";
        QTest::newRow("our own part need not be repeated") << ours << QByteArray() << "peer 15 keeps, we 15";
    }

    void holdsThePeerToWhatWasAsked()
    {
        QFETCH(Compression, offered);
        QFETCH(QByteArray, parameters);
        QFETCH(QString, result);

        QCOMPARE(outcome("permessage-deflate" + parameters, offered), result);
    }

    void survivesAnyCutAndAnyByte()
    {
        const QByteArray whole = "permessage-deflate; server_max_window_bits=\"1\\5\"; "
                                 "client_no_context_takeover, foo; a=b";
        for (qsizetype size = 0; size < whole.size(); ++size) {
            QVERIFY(!outcome(whole.first(size), {.enabled = true}).isEmpty());
            for (const char c : {'\0', '"', '\\', ';', ',', '=', '\xff'}) {
                QByteArray changed = whole;
                changed[size] = c;
                QVERIFY(!outcome(changed, {.enabled = true}).isEmpty());
            }
        }
    }
};

QTEST_GUILESS_MAIN(tst_Extensions)

#include "tst_extensions.moc"
