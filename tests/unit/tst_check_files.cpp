// SPDX-License-Identifier: Apache-2.0
#include "host/node_settings.h"
#include "host/plugin_registry.h"

#include <QDir>
#include <QTest>

using namespace tidemill;
using namespace tidemill::host;

namespace {

QString read(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
}

} // namespace

// What an operator sees of wrong pipeline files: tests/golden/check/NN-name.yaml and NN-name.expected, as
// text, so that a changed message is reviewed as a diff. With TIDEMILL_UPDATE_GOLDEN set, the expected files
// are written anew.
class tst_CheckFiles : public QObject
{
    Q_OBJECT

private slots:
    void printsWhatIsExpected_data();
    void printsWhatIsExpected();
    void acceptsTheDocumentedExample();
    void settingsAreDocumented();

private:
    const QDir m_folder{QStringLiteral(TIDEMILL_SOURCE_DIR "/tests/golden/check")};
    const QString m_documentation = read(QStringLiteral(TIDEMILL_SOURCE_DIR "/docs/pipeline-files.md"));
    PluginRegistry m_registry{{QStringLiteral(TIDEMILL_TEST_PLUGIN_DIR)}};
};

void tst_CheckFiles::printsWhatIsExpected_data()
{
    QTest::addColumn<QString>("name");

    const QStringList files = m_folder.entryList({"*.yaml"}, QDir::Files, QDir::Name);
    QVERIFY(files.size() >= 20);
    for (const QString &file : files)
        QTest::newRow(qPrintable(file)) << file.chopped(5);
}

void tst_CheckFiles::printsWhatIsExpected()
{
    QFETCH(QString, name);
    QProcessEnvironment environment; // not the real one, which differs from machine to machine
    environment.insert("CHECK_SYMBOL", "BTCUSDT");

    PipelineFile file = readPipelineFile(m_folder.filePath(name + ".yaml"), environment);
    const QList<Diagnostic> problems = checkPipelineFile(file, m_registry);
    QString printed = formatDiagnostics(problems, file.text);
    printed.remove(m_folder.path() + '/');

    QVERIFY(!problems.isEmpty());
    const QString expected = m_folder.filePath(name + ".expected");
    if (qEnvironmentVariableIsSet("TIDEMILL_UPDATE_GOLDEN")) {
        QFile output(expected);
        QVERIFY(output.open(QIODevice::WriteOnly));
        QVERIFY(output.write(printed.toUtf8()) > 0);
        QSKIP("written anew");
    }
    QCOMPARE(printed, read(expected));
}

void tst_CheckFiles::acceptsTheDocumentedExample()
{
    const QString example = m_documentation.section("```yaml\n", 1).section("```", 0, 0);
    QVERIFY(example.startsWith("name: "));

    const PipelineFile file = parsePipeline(example.toUtf8(), "example.yaml", QProcessEnvironment());

    QCOMPARE(formatDiagnostics(checkPipelineFile(file, m_registry), file.text), QString());
}

void tst_CheckFiles::settingsAreDocumented()
{
    WrittenHostSettings ofHost;
    for (const Option &option : hostSettingsOptions(ofHost))
        QVERIFY2(m_documentation.contains("\n| `" + option.name() + "` |"), qPrintable(option.name()));
    for (const NodeKind kind : {NodeKind::Source, NodeKind::Transform, NodeKind::Sink}) {
        NodeSettings settings;
        for (const Option &option : nodeSettingsOptions(kind, settings)) {
            const QString row =
                m_documentation.section("\n| `" + option.name() + "` |", 1).section('\n', 0, 0);
            QVERIFY2(!row.isEmpty(), qPrintable(option.name()));
            QVERIFY2(row.contains(option.defaultText()), qPrintable(option.name() + row));
            QVERIFY2(row.contains("all") || row.contains(nodeKindName(kind) + 's'), qPrintable(row));
        }
    }
}

QTEST_GUILESS_MAIN(tst_CheckFiles)

#include "tst_check_files.moc"
