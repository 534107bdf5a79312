// SPDX-License-Identifier: Apache-2.0
#include "utf8.h"

#include <QStringDecoder>
#include <QTest>

using namespace tidemill::net;

class tst_Utf8 : public QObject
{
    Q_OBJECT

private slots:
    void tellsGoodFromBad_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<bool>("valid");

        QTest::newRow("empty") << QByteArray() << true;
        QTest::newRow("ascii with controls") << QByteArray("\0a\x7f", 3) << true;
        QTest::newRow("first of two bytes") << QByteArray("\xc2\x80") << true;
        QTest::newRow("last of two bytes") << QByteArray("\xdf\xbf") << true;
        QTest::newRow("first of three bytes") << QByteArray("\xe0\xa0\x80") << true;
        QTest::newRow("last before the surrogates") << QByteArray("\xed\x9f\xbf") << true;
        QTest::newRow("first after the surrogates") << QByteArray("\xee\x80\x80") << true;
        QTest::newRow("last of three bytes") << QByteArray("\xef\xbf\xbf") << true;
        QTest::newRow("first of four bytes") << QByteArray("\xf0\x90\x80\x80") << true;
        QTest::newRow("last of all") << QByteArray("\xf4\x8f\xbf\xbf") << true;

        QTest::newRow("continuation alone") << QByteArray("\x80") << false;
        QTest::newRow("overlong slash") << QByteArray("\xc0\xaf") << false;
        QTest::newRow("overlong c1") << QByteArray("\xc1\xbf") << false;
        QTest::newRow("overlong of three") << QByteArray("\xe0\x9f\xbf") << false;
        QTest::newRow("overlong of four") << QByteArray("\xf0\x8f\xbf\xbf") << false;
        QTest::newRow("high surrogate") << QByteArray("\xed\xa0\x80") << false;
        QTest::newRow("low surrogate") << QByteArray("\xed\xbf\xbf") << false;
        QTest::newRow("above the last") << QByteArray("\xf4\x90\x80\x80") << false;
        QTest::newRow("lead f5") << QByteArray("\xf5\x80\x80\x80") << false;
        QTest::newRow("lead ff") << QByteArray("\xff") << false;
        QTest::newRow("two cut short") << QByteArray("\xc3") << false;
        QTest::newRow("three cut short") << QByteArray("\xe2\x82") << false;
        QTest::newRow("four cut short") << QByteArray("\xf0\x9f\x92") << false;
        QTest::newRow("ascii in the second place") << QByteArray("\xe2(\xa1") << false;
        QTest::newRow("ascii in the third place") << QByteArray("\xe2\x82(") << false;
        QTest::newRow("ascii in the fourth place") << QByteArray("\xf0\x9f\x92(") << false;
        QTest::newRow("lead in place of a continuation") << QByteArray("\xe2\x82\xc3") << false;
    }

    // At every offset, so that each sequence meets every edge of the words that are read at once.
    void tellsGoodFromBad()
    {
        QFETCH(QByteArray, text);
        QFETCH(bool, valid);

        for (int before = 0; before < 70; ++before) {
            for (const int after : {0, 1, 7, 8, 31, 32, 40}) {
                const QByteArray padded = QByteArray(before, 'x') + text + QByteArray(after, 'y');
                QCOMPARE(isValidUtf8(padded), valid);
            }
        }
    }

    // All sequences of up to four of those bytes at which a rule begins or ends.
    void agreesWithQt()
    {
        const QByteArray leads(
            "\x41\x7f\x80\xbf\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff");
        const QByteArray others("\x41\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc2\xff");
        for (const char a : leads) {
            for (const char b : others) {
                for (const char c : others) {
                    for (const char d : others) {
                        const char bytes[] = {a, b, c, d};
                        for (int size = 1; size <= 4; ++size) {
                            const QByteArray part(bytes, size);
                            QStringDecoder decoder(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
                            const QString decoded = decoder(part);
                            const bool isGood = !decoder.hasError() && decoded.toUtf8() == part;
                            QVERIFY2(isValidUtf8(part) == isGood, part.toHex());
                        }
                    }
                }
            }
        }
    }
};

QTEST_GUILESS_MAIN(tst_Utf8)

#include "tst_utf8.moc"
