// SPDX-License-Identifier: Apache-2.0
#include "host/plugin_registry.h"

#include <tidemill/testing.h>

#include <QDir>
#include <QJsonObject>
#include <QLibraryInfo>
#include <QRegularExpression>
#include <QTemporaryDir>

using namespace tidemill;
using namespace tidemill::host;

namespace {

const QString goodFolder = QStringLiteral(TIDEMILL_BUILD_DIR "/tests/plugins/good");
const QString badFolder = QStringLiteral(TIDEMILL_BUILD_DIR "/tests/plugins/bad");

// What is wrong with the pipeline, the sample plugins being all there is: "LINE:COLUMN MESSAGE|SUGGESTION".
QStringList check(const QByteArray &text, const QMap<QString, QString> &variables = {})
{
    QProcessEnvironment environment;
    for (auto it = variables.begin(); it != variables.end(); ++it)
        environment.insert(it.key(), it.value());
    PluginRegistry registry({goodFolder, badFolder});
    QStringList lines;
    for (const Diagnostic &d :
         checkPipelineFile(parsePipeline(text, "dir/test.yaml", environment), registry)) {
        lines.append(QString("%1:%2 %3").arg(d.place.line).arg(d.place.column).arg(d.message));
        if (!d.suggestion.isEmpty())
            lines.last() += '|' + d.suggestion;
    }
    return lines;
}

const QByteArray good = R"(name: x
sources:
  src: { type: sample_source, symbols: [A] }
transforms:
  mid: { type: sample, inputs: [src.trade], high: 5 }
  any: { type: passing, inputs: [mid] }
sinks:
  out: { type: sample_sink, inputs: [any] }
)";

} // namespace

class tst_PluginRegistry : public QObject
{
    Q_OBJECT

private slots:
    void readsMetadataWithoutLoading();
    void loadsAndCreates();
    void findsTheFirstOfAName();
    void keepsKindsApart();
    void refusesFilesThatAreNoPlugins();
    void saysWhyAPluginCannotBeUsed_data();
    void saysWhyAPluginCannotBeUsed();
    void saysWhyLoadingFails_data();
    void saysWhyLoadingFails();
    void acceptsAGoodPipeline();
    void checksPipelines_data();
    void checksPipelines();
    void keepsSecretsOutOfMessages();
    void describesAllPlugins();
    void looksWhereItIsTold();
};

void tst_PluginRegistry::readsMetadataWithoutLoading()
{
    const PluginRegistry registry({goodFolder});

    QStringList ids;
    for (const PluginInfo &info : registry.plugins())
        ids.append(nodeKindName(info.kind) + ' ' + info.id);
    QCOMPARE(ids, QStringList(
                      {"source sample_source", "transform passing", "transform sample", "sink sample_sink"}));

    const PluginInfo *sink = registry.find(NodeKind::Sink, "sample_sink");
    QVERIFY(sink);
    QCOMPARE(sink->error, QString());
    QCOMPARE(sink->path, QFileInfo(goodFolder + "/sinks/sample_sink.so").absoluteFilePath());
    QCOMPARE(sink->summary, "Confirm signals");
    QCOMPARE(sink->stability, "experimental");
    QCOMPARE(sink->accepts, QStringList({"signal", "order"}));
    QCOMPARE(sink->emits, QStringList());
    QVERIFY(sink->ownThread);
    QCOMPARE(registry.find(NodeKind::Source, "sample_source")->emits, QStringList({"trade", "gap"}));
    QVERIFY(!registry.find(NodeKind::Transform, "sample")->ownThread);
    QVERIFY(!registry.find(NodeKind::Transform, "none"));
}

void tst_PluginRegistry::loadsAndCreates()
{
    PluginRegistry registry({goodFolder});
    QVERIFY(!registry.create(NodeKind::Transform, "sample"));
    TIDEMILL_VERIFY(registry.load(NodeKind::Transform, "sample"));
    TIDEMILL_VERIFY(registry.load(NodeKind::Transform, "sample"));

    auto first = registry.create(NodeKind::Transform, "sample");
    auto second = registry.create(NodeKind::Transform, "sample");

    TIDEMILL_VERIFY(first);
    TIDEMILL_VERIFY(second);
    QVERIFY(qobject_cast<Transform *>(first->get()));
    QVERIFY(first->get() != second->get());
    QCOMPARE(registry.load(NodeKind::Transform, "none").error().message,
             "there is no transform plugin 'none'");
}

void tst_PluginRegistry::findsTheFirstOfAName()
{
    QTemporaryDir other;
    QVERIFY(QDir(other.path()).mkdir("transforms"));
    QVERIFY(QDir(other.path()).mkdir("sinks"));
    QVERIFY(QFile::copy(goodFolder + "/transforms/sample.so", other.filePath("transforms/sample.so")));
    QVERIFY(QFile::copy(goodFolder + "/sinks/sample_sink.so", other.filePath("sinks/sample.so")));

    const PluginRegistry ours({goodFolder, other.path()});
    const PluginRegistry theirs({other.path(), goodFolder});

    QCOMPARE(ours.find(NodeKind::Transform, "sample")->path,
             QFileInfo(goodFolder + "/transforms/sample.so").absoluteFilePath());
    QCOMPARE(theirs.find(NodeKind::Transform, "sample")->path, other.filePath("transforms/sample.so"));
}

// A store that can be read and written has a source and a sink of one name.
void tst_PluginRegistry::keepsKindsApart()
{
    QTemporaryDir other;
    QVERIFY(QDir(other.path()).mkdir("sinks"));
    QVERIFY(QFile::copy(goodFolder + "/sinks/sample_sink.so", other.filePath("sinks/sample.so")));
    PluginRegistry registry({goodFolder, other.path()});

    QCOMPARE(registry.find(NodeKind::Sink, "sample")->path, other.filePath("sinks/sample.so"));
    QVERIFY(!registry.find(NodeKind::Source, "sample"));
    QCOMPARE(registry.findAny("sample")->kind, NodeKind::Transform);
    TIDEMILL_VERIFY(registry.load(NodeKind::Sink, "sample"));
    QVERIFY(!registry.create(NodeKind::Transform, "sample")); // loading one is not loading the other
    TIDEMILL_VERIFY(registry.load(NodeKind::Transform, "sample"));
    const auto transform = registry.create(NodeKind::Transform, "sample");
    TIDEMILL_VERIFY(transform);
    QVERIFY(qobject_cast<Transform *>(transform->get()));
    const auto sink = registry.create(NodeKind::Sink, "sample");
    TIDEMILL_VERIFY(sink);
    QVERIFY(qobject_cast<Sink *>(sink->get()));
    const QJsonArray described = registry.describe("sample");
    QCOMPARE(described.size(), 2);
    QCOMPARE(described[0].toObject()["kind"].toString(), "transform");
    QCOMPARE(described[1].toObject()["kind"].toString(), "sink");
}

void tst_PluginRegistry::refusesFilesThatAreNoPlugins()
{
    QTemporaryDir folder;
    for (const char *name : {"sources", "transforms", "sinks"})
        QVERIFY(QDir(folder.path()).mkdir(name));
    const auto write = [&](const QString &name, const QByteArray &content) {
        QFile file(folder.filePath(name));
        QVERIFY(file.open(QIODevice::WriteOnly));
        QCOMPARE(file.write(content), content.size());
    };
    QFile whole(goodFolder + "/transforms/sample.so");
    QVERIFY(whole.open(QIODevice::ReadOnly));
    const QByteArray library = whole.readAll();
    write("transforms/empty.so", "");
    write("transforms/text.so", "#!/bin/sh\necho no library\n");
    for (const int size : {10, 100, 1000, 5000}) // within what the loader needs, whatever the build
        write(QString("transforms/cut%1.so").arg(size), library.first(size));
    const qsizetype metadata = library.indexOf("qt-project!");
    QVERIFY(metadata > 0);
    write("transforms/garbled.so", QByteArray(library).replace(metadata + 16, 40, QByteArray(40, '\xff')));
    write("transforms/Bad-Name.so", library);
    write("transforms/readme.txt", "not looked at");
    write("sinks/moved.so", library);
    QVERIFY(QDir(folder.path()).mkdir("sources/folder.so"));
    QVERIFY(QFile::link(QLibraryInfo::path(QLibraryInfo::LibrariesPath) + "/libQt6Core.so.6",
                        folder.filePath("sources/qt.so")));

    PluginRegistry registry({folder.path()});

    QMap<QString, QString> errors;
    for (const PluginInfo &info : registry.plugins()) {
        QVERIFY2(!info.error.isEmpty(), qPrintable(info.id));
        QVERIFY2(!registry.load(info.kind, info.id), qPrintable(info.id));
        errors.insert(info.id, info.error);
    }
    QCOMPARE(errors.keys(), QStringList({"Bad-Name", "cut10", "cut100", "cut1000", "cut5000", "empty",
                                         "garbled", "moved", "qt", "text"}));
    QCOMPARE(errors["empty"], "the file is empty");
    QVERIFY2(errors["text"].contains("not an ELF") || errors["text"].contains("ELF"),
             qPrintable(errors["text"]));
    QCOMPARE(errors["moved"], "metadata: kind: expected \"sink\" in this folder, got \"transform\"");
    QVERIFY2(errors["Bad-Name"].contains("must be the plugin's id"), qPrintable(errors["Bad-Name"]));
    QVERIFY(!registry.load(NodeKind::Transform, "text").error().message.isEmpty());
    QVERIFY(registry.load(NodeKind::Transform, "text")
                .error()
                .message.contains(folder.filePath("transforms/text.so")));
}

void tst_PluginRegistry::saysWhyAPluginCannotBeUsed_data()
{
    QTest::addColumn<QString>("error");

    QTest::newRow("old_generation")
        << "was built for generation 0 of the SDK, this host has generation 1: build it again";
    QTest::newRow("foreign")
        << "is a Qt plugin, but not one of Tidemill's: expected the interface org.tidemill.Plugin/1, "
           "got 'com.example.Other/1'";
    QTest::newRow("wrong_kind") << "metadata: kind: expected \"transform\" in this folder, got \"filter\"";
    QTest::newRow("no_summary") << "metadata: summary is required: one line for a person";
    QTest::newRow("bad_types") << "metadata: accepts: expected names of record types or \"*\"";
    QTest::newRow("bad_thread") << "metadata: thread: can only be \"own\"";
}

void tst_PluginRegistry::saysWhyAPluginCannotBeUsed()
{
    QFETCH(QString, error);
    const QString id = QTest::currentDataTag();
    PluginRegistry registry({badFolder});

    QVERIFY(registry.find(NodeKind::Transform, id));
    QCOMPARE(registry.find(NodeKind::Transform, id)->error, error);
    const auto loaded = registry.load(NodeKind::Transform, id);
    QVERIFY(!loaded);
    QCOMPARE(loaded.error().message,
             QString("plugin '%1' (%2): %3").arg(id, registry.find(NodeKind::Transform, id)->path, error));
}

void tst_PluginRegistry::saysWhyLoadingFails_data()
{
    QTest::addColumn<bool>("loads");
    QTest::addColumn<QString>("error");

    QTest::newRow("missing_symbol") << false << "defined_nowhere";
    QTest::newRow("no_factory") << false << "does not contain what its metadata says";
    QTest::newRow("throwing_create") << true << "creating a node threw: no licence found";
    QTest::newRow("makes_a_sink") << true << "its metadata says transform, but it makes MakesASink";
}

void tst_PluginRegistry::saysWhyLoadingFails()
{
    QFETCH(bool, loads);
    QFETCH(QString, error);
    const QString id = QTest::currentDataTag();
    PluginRegistry registry({badFolder});
    QCOMPARE(registry.find(NodeKind::Transform, id)->error,
             QString()); // nothing is wrong as far as one can see from outside

    const auto loaded = registry.load(NodeKind::Transform, id);
    QCOMPARE(bool(loaded), loads);
    const auto created = registry.create(NodeKind::Transform, id);
    QVERIFY(!created);

    const QString message = loads ? created.error().message : loaded.error().message;
    QVERIFY2(message.contains(error), qPrintable(message));
    QVERIFY2(message.contains(badFolder), qPrintable(message));
}

void tst_PluginRegistry::acceptsAGoodPipeline()
{
    QCOMPARE(check(good), QStringList());
}

void tst_PluginRegistry::checksPipelines_data()
{
    QTest::addColumn<QString>("what");
    QTest::addColumn<QString>("with");
    QTest::addColumn<QStringList>("problems");

    const auto row = [](const char *name, const char *what, const char *with, const QStringList &problems) {
        QVERIFY2(good.contains(what), name);
        QTest::newRow(name) << what << with << problems;
    };
    row("misspelt type", "sample_source", "sample_sorce",
        {"3:16 type: there is no source plugin 'sample_sorce'|sample_source"});
    row("unknown type", "sample_source", "kraken", {"3:16 type: there is no source plugin 'kraken'"});
    row("type of another kind", "sample_source", "sample_sink",
        {"3:16 type: 'sample_sink' is a sink, not a source"});
    row("misspelt option", "high: 5", "hihg: 5", {"5:45 hihg: no such option|high"});
    row("missing option", ", high: 5", "", {"5:3 high: is required: Upper end."});
    row("misspelt setting of the host", "high: 5", "high: 5, thred: x",
        {"5:54 thred: no such option|thread"});
    row("setting of another kind", "high: 5", "high: 5, batch: {rows: 1}", {"5:54 batch: is for sinks only"});
    row("wrong type of value", "high: 5", "high: five", {"5:51 high: expected a whole number, got 'five'"});
    row("octal", "high: 5", "high: 010",
        {"5:51 high: expected a whole number, got '010', which some read as octal: write it without the "
         "leading 0"});
    row("out of bounds", "high: 5", "high: 500", {"5:51 high: must be at most 100"});
    row("nothing", "high: 5", "high: ", {"5:45 high: expected a whole number, got nothing"});
    row("not a choice", "high: 5", "high: 5, mode: slow",
        {"5:60 mode: expected one of fast, exact, got 'slow'"});
    row("empty list", "[A]", "[]", {"3:40 symbols: must not be empty"});
    row("two options against each other", "high: 5", "high: 5, low: 7", {"5:59 low: must be less than high"});
    row("two options, one by default", "high: 5", "high: 1", {"5:3 low: must be less than high"});
    row("deep in a map", "high: 5", "high: 5, tables: {strange: {deep: 1}}",
        {"5:79 tables.strange.deep: is too deep for ''"});
    row("record type not made", "src.trade", "src.trades",
        {"5:33 inputs: 'src' (sample_source) makes no 'trades', only trade, gap|src.trade"});
    row("record type not taken", "src.trade", "src.gap",
        {"5:33 inputs: 'src' gives gap, but 'mid' (sample) takes only trade"});
    row("no record type taken", "inputs: [any]", "inputs: [any, src]",
        {"8:43 inputs: 'src' gives trade, gap, but 'out' (sample_sink) takes only signal, order"});
    row("plugin that cannot be used", "{ type: sample,", "{ type: old_generation,",
        {"5:16 type: plugin 'old_generation' (BAD): was built for generation 0 of the SDK, this host has "
         "generation 1: "
         "build it again"});
    row("plugin that does not load", "{ type: sample,", "{ type: no_factory,",
        {"5:16 type: plugin 'no_factory' (BAD): does not contain what its metadata says: it has no "
         "TIDEMILL_PLUGIN"});
    row("plugin that throws", "{ type: sample,", "{ type: throwing_create,",
        {"5:16 type: plugin 'throwing_create' (BAD): creating a node threw: no licence found"});
    row("plugin whose options throw", "{ type: sample,", "{ type: throwing_options,",
        {"5:16 type: plugin 'throwing_options' threw while its options were checked: options are out"});
    row("plugin whose options clash", "{ type: sample,", "{ type: clashing_options,",
        {"5:16 type: plugin 'clashing_options': the option 'limit' is a value and, with 'limit.rows', also a "
         "group: rename one of them"});
    row("together with what the file says", "[src.trade], high: 5",
        "[src.trade, nobody], high: \"${HIGH}\", low: x",
        {"5:44 inputs: there is no node 'nobody'",
         "5:59 the environment variable HIGH is not set; give a default with ${HIGH:-...}",
         "5:75 low: expected a whole number, got 'x'"});
    row("option that follows from what the file says", "[A]", "[\"${NONE}\"]",
        {"3:41 the environment variable NONE is not set; give a default with ${NONE:-...}"});
    row("several at once", "high: 5", "low: x, high: y",
        {"5:50 low: expected a whole number, got 'x'", "5:59 high: expected a whole number, got 'y'"});
}

void tst_PluginRegistry::checksPipelines()
{
    QFETCH(QString, what);
    QFETCH(QString, with);
    QFETCH(QStringList, problems);
    QByteArray text = good;
    text.replace(what.toUtf8(), with.toUtf8());

    QStringList found = check(text);

    for (QString &line : found)
        line.replace(QRegularExpression("\\(/[^)]*/bad/[^)]*\\)"), "(BAD)");
    QCOMPARE(found, problems);
}

void tst_PluginRegistry::keepsSecretsOutOfMessages()
{
    QByteArray text = good;
    text.replace("high: 5", "high: \"${HIGH}\", token: [x], mode: \"${MODE}\"");

    const QStringList found = check(text, {{"HIGH", "hunter22"}, {"MODE", "fast"}});

    QCOMPARE(found,
             QStringList({"5:51 high: expected a whole number, got '***'",
                          "5:69 token: expected text, got something else (not shown: it is a secret)"}));
}

void tst_PluginRegistry::describesAllPlugins()
{
    PluginRegistry registry({goodFolder, badFolder});

    const QJsonArray all = registry.describe();
    const QJsonArray one = registry.describe("sample");

    QCOMPARE(all.size(), registry.plugins().size());
    QCOMPARE(one.size(), 1);
    const QJsonObject sample = one[0].toObject();
    QCOMPARE(sample["kind"], "transform");
    QCOMPARE(sample["accepts"], QJsonArray({"trade"}));
    const QJsonArray options = sample["options"].toArray();
    QStringList names;
    for (const QJsonValue &option : options)
        names.append(option["name"].toString());
    QCOMPARE(names, QStringList({"low", "high", "mode", "token", "tables"}));
    QCOMPARE(options[0]["default"], "1");
    QCOMPARE(options[0]["minimum"], 0);
    QCOMPARE(options[1]["required"], true);
    QCOMPARE(options[1]["maximum"], 100);
    QCOMPARE(options[1]["example"], "10");
    QCOMPARE(options[2]["choices"], QJsonArray({"fast", "exact"}));
    QCOMPARE(options[3]["secret"], true);
    const QJsonObject sink = registry.describe("sample_sink")[0].toObject();
    QCOMPARE(sink["thread"], "own");
    QVERIFY(!sink.contains("emits"));
    const QJsonObject throwing = registry.describe("throwing_options")[0].toObject();
    QCOMPARE(throwing["error"], "options() threw: options are out");
    QVERIFY(!throwing.contains("options"));
    const QJsonObject clashing = registry.describe("clashing_options")[0].toObject();
    QCOMPARE(clashing["error"],
             "the option 'limit' is a value and, with 'limit.rows', also a group: rename one of them");
    QVERIFY(!clashing.contains("options"));
    QCOMPARE(registry.describe("none"), QJsonArray());
}

void tst_PluginRegistry::looksWhereItIsTold()
{
    qputenv("TIDEMILL_PLUGIN_PATH", "/env/a:/given::/env/b");

    const QStringList paths = pluginSearchPaths({"/given"});

    qunsetenv("TIDEMILL_PLUGIN_PATH");
    QCOMPARE(paths.first(3), QStringList({"/given", "/env/a", "/env/b"}));
    QCOMPARE(paths[3], QDir::cleanPath(QCoreApplication::applicationDirPath() + "/../lib/tidemill/plugins"));
}

QTEST_GUILESS_MAIN(tst_PluginRegistry)

#include "tst_plugin_registry.moc"
