// SPDX-License-Identifier: Apache-2.0
#include "mapping.h"
#include "test_frames.h"

#include <tidemill/testing.h>

#include <QDirIterator>
#include <QRegularExpression>
#include <QTemporaryDir>

using namespace tidemill;
using namespace tidemill::sbe;

namespace {

const QByteArray header = R"(<composite name="messageHeader"><type name="blockLength" primitiveType="uint16"/>
<type name="templateId" primitiveType="uint16"/><type name="schemaId" primitiveType="uint16"/>
<type name="version" primitiveType="uint16"/></composite>
)";

// Four lines of schema, then `types` from line 5, then `rest` behind the types.
QByteArray schemaOf(const QByteArray &types, const QByteArray &rest)
{
    return "<messageSchema id=\"1\" version=\"2\"><types>" + header + types + "</types>" + rest +
           "</messageSchema>";
}

Result<MessageSchema> readText(const QByteArray &document)
{
    return readSchema(document, QStringLiteral("s.xml"), [](const QString &path) -> Result<QByteArray> {
        return Error{Error::Kind::Config, path + QStringLiteral(": no such file")};
    });
}

bool isMeantToBeInvalid(const QString &path)
{
    const QString name = QFileInfo(path).fileName();
    return name.startsWith("error-handler-") || name == "cyclic-refs-schema.xml" ||
           name == "issue567-invalid.xml" || name.startsWith("common"); // of which the last are pieces
}

} // namespace

class tst_SbeSchema : public QObject
{
    Q_OBJECT

private slots:
    void knowsVenuesSchemas_data()
    {
        QTest::addColumn<QString>("path");
        QDirIterator files(sharedData(), {"*.xml"}, QDir::Files, QDirIterator::Subdirectories);
        bool isAny = false;
        for (; files.hasNext(); isAny = true) {
            const QString path = files.next();
            QTest::addRow("%s", qPrintable(path.mid(sharedData().size() + 1))) << path;
        }
        if (!isAny)
            QTest::newRow("none here") << QString();
    }

    void knowsVenuesSchemas()
    {
        QFETCH(QString, path);
        if (path.isEmpty())
            QSKIP("the schemas are not here");

        const auto schema = readSchema(path);

        if (!isMeantToBeInvalid(path)) {
            TIDEMILL_VERIFY(schema);
            QVERIFY(!schema->messages.empty());
            return;
        }
        QVERIFY(!schema);
        const QString pattern = QStringLiteral("^%1:\\d+: \\S").arg(QRegularExpression::escape(path));
        const QStringList lines = schema.error().message.split(QLatin1Char('\n'));
        for (const QString &line : lines)
            QVERIFY2(QRegularExpression(pattern).match(line).hasMatch(), qPrintable(line));
    }

    void namesTheLine_data()
    {
        QTest::addColumn<QString>("file");
        QTest::addColumn<QString>("message");
        QTest::newRow("cycle") << "cyclic-refs-schema.xml"
                               << ":15: ";
        QTest::newRow("two messages of one id") << "error-handler-dup-message-schema.xml"
                                                << ":14: ";
        QTest::newRow("enum out of range") << "error-handler-enum-violates-min-max-value-range.xml"
                                           << ":16: ";
        QTest::newRow("dimensions that are none") << "error-handler-group-dimensions-schema.xml"
                                                  << ":21: ";
        QTest::newRow("offsets in a composite") << "error-handler-invalid-composite-offsets-schema.xml"
                                                << ":11: ";
        QTest::newRow("group in a composite") << "error-handler-invalid-composite.xml"
                                              << ":19: ";
        QTest::newRow("name in the last line") << "error-handler-invalid-name.xml"
                                               << ":35: ";
        QTest::newRow("field behind data") << "error-handler-message-schema.xml"
                                           << ":56: ";
        QTest::newRow("version of the future") << "error-handler-since-version.xml"
                                               << ":25: ";
        QTest::newRow("two types of one name") << "error-handler-types-dup-schema.xml"
                                               << ":10: ";
        QTest::newRow("constant without value") << "error-handler-types-schema.xml"
                                                << ":13: ";
        QTest::newRow("boundless count") << "issue567-invalid.xml"
                                         << ":30: ";
    }

    void namesTheLine()
    {
        QFETCH(QString, file);
        QFETCH(QString, message);
        const QString path = sharedData() + "/aeron/tool-test/" + file;
        if (!QFile::exists(path))
            QSKIP("the schemas are not here");

        const auto schema = readSchema(path);

        QVERIFY(!schema);
        QVERIFY2(schema.error().message.contains(path + message), qPrintable(schema.error().message));
    }

    void refuses_data()
    {
        QTest::addColumn<QByteArray>("document");
        QTest::addColumn<QString>("message");

        const auto types = [](const char *text) { return schemaOf(text, "<message name='M' id='1'/>"); };
        const auto message = [](const char *fields) {
            return schemaOf("", QByteArray("<message name='M' id='1'>") + fields + "</message>");
        };
        QTest::newRow("nothing") << QByteArray() << "s.xml:1: ";
        QTest::newRow("broken XML") << QByteArray("<messageSchema>\n<types>\n</typs>") << "s.xml:3: ";
        QTest::newRow("rubbish behind the root") << schemaOf("", "") + "<more/>"
                                                 << "s.xml:4: ";
        QTest::newRow("not UTF-8") << QByteArray("<messageSchema id='1' package='\xff'/>")
                                   << "s.xml:1: expected UTF-8";
        QTest::newRow("entities")
            << QByteArray("<!DOCTYPE a [<!ENTITY b 'c'>]>\n<messageSchema id='&b;'/>")
            << "s.xml:1: expected a schema without entities and declarations of its own";
        QTest::newRow("external DTD")
            << QByteArray("<!DOCTYPE a SYSTEM 'http://127.0.0.1/a.dtd'><messageSchema id='1'/>")
            << "s.xml:1: expected a schema without entities and declarations of its own";
        QTest::newRow("too deep") << QByteArray("<a>").repeated(40) + QByteArray("</a>").repeated(40)
                                  << "s.xml:1: expected at most 16 nested elements";
        QTest::newRow("too large") << QByteArray(5 << 20, ' ') << "s.xml:1: expected at most 4194304 bytes";
        QTest::newRow("another root")
            << QByteArray("<schema/>") << "s.xml:1: expected <messageSchema>, got <schema>";
        QTest::newRow("no header") << QByteArray("<messageSchema id='1'/>")
                                   << "s.xml:1: <messageSchema>: no type 'messageHeader'";
        QTest::newRow("byte order") << QByteArray("<messageSchema id='1' byteOrder='big'/>")
                                    << "s.xml:1: byteOrder: expected littleEndian or bigEndian, got 'big'";
        QTest::newRow("include of elsewhere")
            << QByteArray("<messageSchema id='1'>\n<include href='../types.xml'/></messageSchema>")
            << "s.xml:2: href: expected a path beside or below this file, got '../types.xml'";
        QTest::newRow("absolute include")
            << QByteArray("<messageSchema id='1'>\n<include href='/etc/passwd'/></messageSchema>")
            << "s.xml:2: href: expected a path beside or below this file, got '/etc/passwd'";
        QTest::newRow("include that is not there")
            << QByteArray("<messageSchema id='1'>\n<include href='t.xml'/></messageSchema>")
            << "s.xml:2: t.xml: no such file";
        QTest::newRow("primitive type misspelt") << types("<type name='t' primitiveType='unit8'/>")
                                                 << "s.xml:4: primitiveType: expected one of char, int8";
        QTest::newRow("attribute misspelt") << message("<field name='f' id='1' type='int8' ofset='4'/>")
                                            << "s.xml:4: no attribute 'ofset'; did you mean 'offset'?";
        QTest::newRow("null that does not fit")
            << types("<type name='t' primitiveType='uint8' presence='optional' nullValue='256'/>")
            << "s.xml:4: nullValue: expected a value of uint8, got '256'";
        QTest::newRow("constant that does not fit")
            << types("<type name='t' primitiveType='int8' presence='constant'>200</type>")
            << "s.xml:4: expected a constant of int8, got '200'";
        QTest::newRow("bit that does not fit")
            << types("<set name='s' encodingType='uint8'><choice name='c'>8</choice></set>")
            << "s.xml:4: expected a bit from 0 to 7, got '8'";
        QTest::newRow("two names of one code")
            << types("<enum name='e' encodingType='uint8'><validValue name='a'>1</validValue>"
                     "<validValue name='b'>1</validValue></enum>")
            << "s.xml:4: the value '1' has a name already";
        QTest::newRow("enum of text")
            << types("<type name='t' primitiveType='char' length='3'/><enum name='e' encodingType='t'/>")
            << "s.xml:4: encodingType: expected a single integer or character, got 't'";
        QTest::newRow("type misspelt, in a line of its own")
            << message("\n\n<field name='f'\n id='1' type='unit8'/>")
            << "s.xml:6: <field name='f'>: no type 'unit8'; did you mean 'uint8'?";
        QTest::newRow("block too small") << message("<field name='f' id='1' type='int64' offset='65535'/>")
                                         << "s.xml:4: expected fields of at most 65535 bytes";
        QTest::newRow("constant of nothing")
            << message("<field name='f' id='1' type='uint8' presence='constant' valueRef='no.thing'/>")
            << "s.xml:4: valueRef: expected 'Enum.Value' of an enum of this schema, got 'no.thing'";
        QTest::newRow("twice the name")
            << message("<field name='f' id='1' type='int8'/><field name='f' id='2' type='int8'/>")
            << "s.xml:4: there is another 'f' already";
        QTest::newRow("types that grow without end")
            << types("<composite name='a'><ref name='x' type='b'/><ref name='y' type='b'/></composite>"
                     "<composite name='b'><type name='x' primitiveType='char' length='40000'/></composite>")
            << "s.xml:4: expected a composite of at most 65535 bytes and 256 members";
    }

    void refuses()
    {
        QFETCH(QByteArray, document);
        QFETCH(QString, message);

        const auto schema = readText(document);

        QVERIFY(!schema);
        QVERIFY2(schema.error().message.contains(message), qPrintable(schema.error().message));
    }

    void saysEverythingAtOnce()
    {
        const auto schema =
            readText(schemaOf("<type name='t' primitiveType='x'/>",
                              "\n<message name='M' id='1'>\n<field name='f' id='1' type='y'/></message>"));

        QVERIFY(!schema);
        const QStringList lines = schema.error().message.split(QLatin1Char('\n'));
        QCOMPARE(lines.size(), 2);
        QVERIFY(lines[0].startsWith("s.xml:4: "));
        QVERIFY(lines[1].startsWith("s.xml:6: "));
    }

    void includesTypes()
    {
        QTemporaryDir folder;
        QVERIFY(QDir(folder.path()).mkdir("common"));
        const auto write = [&folder](const QString &name, const QByteArray &text) {
            QFile file(folder.filePath(name));
            return file.open(QIODevice::WriteOnly) && file.write(text) == text.size();
        };
        QVERIFY(write("common/types.xml", "<types>" + header + "</types>"));
        QVERIFY(write("s.xml", "<messageSchema id='1'><include href='common/types.xml'/>"
                               "<message name='M' id='1'/></messageSchema>"));

        const auto schema = readSchema(folder.filePath("s.xml"));

        TIDEMILL_VERIFY(schema);
        QCOMPARE(schema->headerSize, 8U);
    }

    void knowsItsOwn()
    {
        const auto venue = readSchema(ownData("venue.xml"));
        const auto binance = readSchema(binanceSchema(), QStringLiteral("binance_stream.xml"), loadFile);

        TIDEMILL_VERIFY(venue);
        QCOMPARE(venue->id, 77U);
        QCOMPARE(venue->headerSize, 8U);
        TIDEMILL_VERIFY(binance);
        QCOMPARE(binance->messages.size(), 4U);
    }
};

QTEST_GUILESS_MAIN(tst_SbeSchema)

#include "tst_sbe_schema.moc"
