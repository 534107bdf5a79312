// SPDX-License-Identifier: Apache-2.0
#include "test_frames.h"

#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::sbe;

class tst_SbeDecoder : public QObject
{
    Q_OBJECT

private slots:
    // Of a folder that is there nothing may be left out unseen.
    void findsAllRecordedMessages_data()
    {
        QTest::addColumn<QString>("folder");
        QTest::addColumn<QString>("pattern");
        QTest::addColumn<int>("count");

        QTest::newRow("messages of venues") << "cases"
                                            << "*.json" << 57;
        QTest::newRow("frames of Binance") << "binance-stream-vectors"
                                           << "*.json" << 13;
        QTest::newRow("broken frames") << "binance-stream-vectors"
                                       << "bad-*.bin" << 9;
    }

    void findsAllRecordedMessages()
    {
        QFETCH(QString, folder);
        QFETCH(QString, pattern);
        QFETCH(int, count);
        if (!QDir(sharedData()).exists())
            QSKIP("the recordings are not here");

        const QDir messages(sharedData() + QLatin1Char('/') + folder);
        const QStringList files = messages.entryList({pattern}, QDir::Files);

        QCOMPARE(files.size(), count);
        for (const QString &file : files)
            QVERIFY2(messages.exists(QFileInfo(file).completeBaseName() + ".bin"), qPrintable(file));
    }

    void readsMessagesOfVenues_data()
    {
        QTest::addColumn<QString>("schema");
        QTest::addColumn<QString>("path");
        addRecorded("cases", {});
        addRecorded("binance-stream-vectors", "binance/stream_1_0.xml");
        if (!QDir(sharedData()).exists())
            QTest::newRow("none here") << QString() << QString();
    }

    void readsMessagesOfVenues()
    {
        QFETCH(QString, schema);
        QFETCH(QString, path);
        if (path.isEmpty())
            QSKIP("the recordings are not here");
        const auto read = readSchema(schema);
        TIDEMILL_VERIFY(read);
        QJsonObject expected = QJsonDocument::fromJson(readFile(path + ".json")).object();
        expected.remove("schema");

        QJsonObject json;
        const Fault fault = FrameJson(*read).decode(readFile(path + ".bin"), json);

        QCOMPARE(faultWord(fault), "none");
        QCOMPARE(text(json), text(expected));
    }

    // The schema of this plugin says the same of those streams as the exchange's own.
    void readsBinanceByOwnSchema_data()
    {
        QTest::addColumn<QString>("schema");
        QTest::addColumn<QString>("path");
        addRecorded("binance-stream-vectors",
                    QStringLiteral(TIDEMILL_SOURCE_DIR "/plugins/transforms/sbe_decoder/binance_stream.xml"));
        if (!QDir(sharedData()).exists())
            QTest::newRow("none here") << QString() << QString();
    }

    void readsBinanceByOwnSchema() { readsMessagesOfVenues(); }

    void refusesBrokenFrames_data()
    {
        QTest::addColumn<QString>("path");
        const QFileInfoList files =
            QDir(sharedData() + "/binance-stream-vectors").entryInfoList({"bad-*.bin"}, QDir::Files);
        for (const QFileInfo &file : files)
            QTest::addRow("%s", qPrintable(file.completeBaseName())) << file.filePath();
        if (files.isEmpty())
            QTest::newRow("none here") << QString();
    }

    void refusesBrokenFrames()
    {
        QFETCH(QString, path);
        if (path.isEmpty())
            QSKIP("the recordings are not here");
        const auto schema = readSchema(sharedData() + "/binance/stream_1_0.xml");
        TIDEMILL_VERIFY(schema);

        QJsonObject json;
        const Fault fault = FrameJson(*schema).decode(readFile(path), json);

        QVERIFY2(fault != Fault::None, QJsonDocument(json).toJson().constData());
    }

private:
    static QByteArray text(const QJsonObject &json)
    {
        return QJsonDocument(json).toJson(QJsonDocument::Compact);
    }

    // Each .json with its .bin; `schema` is where it does not say its own.
    static void addRecorded(const QString &folder, const QString &schema)
    {
        const QFileInfoList files =
            QDir(sharedData() + QLatin1Char('/') + folder).entryInfoList({"*.json"}, QDir::Files);
        for (const QFileInfo &file : files) {
            const QJsonObject json = QJsonDocument::fromJson(readFile(file.filePath())).object();
            const QString name = schema.isEmpty() ? json.value("schema").toString() : schema;
            QTest::addRow("%s", qPrintable(file.completeBaseName()))
                << (QDir::isAbsolutePath(name) ? name : sharedData() + QLatin1Char('/') + name)
                << file.path() + QLatin1Char('/') + file.completeBaseName();
        }
    }
};

QTEST_GUILESS_MAIN(tst_SbeDecoder)

#include "tst_sbe_decoder.moc"
