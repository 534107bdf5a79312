// SPDX-License-Identifier: Apache-2.0
#include "frame_writer.h"

#include <QTest>

#include <cstring>

using namespace tidemill::net;

class tst_FrameWriter : public QObject
{
    Q_OBJECT

private slots:
    // The masked "Hello" of RFC 6455 section 5.7.
    void writesTheExampleOfTheRfc()
    {
        quint32 mask = 0;
        std::memcpy(&mask, "\x37\xfa\x21\x3d", sizeof mask);

        QCOMPARE(encodeFrame(Opcode::Text, "Hello", mask).toHex(), QByteArray("818537fa213d7f9f4d5158"));
    }

    void writesTheShortestLength_data()
    {
        QTest::addColumn<int>("size");
        QTest::addColumn<QByteArray>("head");

        QTest::newRow("empty") << 0 << QByteArray("8280");
        QTest::newRow("125") << 125 << QByteArray("82fd");
        QTest::newRow("126") << 126 << QByteArray("82fe007e");
        QTest::newRow("65,535") << 65'535 << QByteArray("82feffff");
        QTest::newRow("65,536") << 65'536 << QByteArray("82ff0000000000010000");
    }

    void writesTheShortestLength()
    {
        QFETCH(int, size);
        QFETCH(QByteArray, head);
        const QByteArray payload(size, 'x');

        const QByteArray frame = encodeFrame(Opcode::Binary, payload, 0);

        QCOMPARE(frame.first(head.size() / 2).toHex(), head);
        QCOMPARE(frame.mid(head.size() / 2), QByteArray(4, '\0') + payload);
    }
};

QTEST_GUILESS_MAIN(tst_FrameWriter)

#include "tst_frame_writer.moc"
