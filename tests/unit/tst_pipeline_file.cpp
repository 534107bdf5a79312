// SPDX-License-Identifier: Apache-2.0
#include "host/pipeline_file.h"

#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

using namespace std::chrono_literals;
using namespace tidemill;
using namespace tidemill::host;

namespace {

QProcessEnvironment environment(const QMap<QString, QString> &variables = {})
{
    QProcessEnvironment result;
    for (auto it = variables.begin(); it != variables.end(); ++it)
        result.insert(it.key(), it.value());
    return result;
}

PipelineFile parse(const QByteArray &text, const QMap<QString, QString> &variables = {})
{
    return parsePipeline(text, "test.yaml", environment(variables));
}

const QByteArray good = R"(name: binance-signals
sources:
  btc:
    type: binance
    symbols: [BTCUSDT]
    stale_after: 10s
transforms:
  wap:     { type: wap, inputs: [btc.book_update, btc.book_snapshot] }
  signals: { type: sma_crossover, inputs: [wap], short: 10, long: 30, thread: math }
sinks:
  db:
    type: sql
    inputs: [wap, signals]
    url: ${DATABASE_URL:-sqlite:signals.db}
    queue: { rows: 1000, bytes: 1MiB }
    batch: { rows: 500 }
    retry: { initial: 100ms, max: 5s }
)";

} // namespace

class tst_PipelineFile : public QObject
{
    Q_OBJECT

private slots:
    void readsAGoodFile();
    void pointsAtWhatIsWrong_data();
    void pointsAtWhatIsWrong();
    void saysEverythingAtOnceInOrder();
    void keepsHostKeysFromThePlugin();
    void masksSecretsInMessages();
    void readsFromDisk();
    void saysWhyAFileCannotBeRead();
    void staysQuickWithManyWrongNodes();
    void printsWithLineAndCaret();
    void printsUnicodeTabsAndLongLines();
    void printsNoLineWithoutAColumn();
};

void tst_PipelineFile::readsAGoodFile()
{
    const PipelineFile file = parse(good);

    QVERIFY2(file.diagnostics.isEmpty(), qPrintable(formatDiagnostics(file.diagnostics, file.text)));
    const PipelineDescription &pipeline = file.description;
    QCOMPARE(pipeline.file, "test.yaml");
    QCOMPARE(pipeline.name, "binance-signals");
    QStringList names;
    for (const NodeDescription &node : pipeline.nodes)
        names.append(nodeKindName(node.kind) + ' ' + node.name + ' ' + node.type);
    QCOMPARE(names, QStringList({"source btc binance", "transform wap wap", "transform signals sma_crossover",
                                 "sink db sql"}));

    const NodeDescription &btc = pipeline.nodes[0];
    QCOMPARE(btc.place.line, 3);
    QCOMPARE(btc.place.column, 3);
    QCOMPARE(btc.typePlace.column, 11);
    QCOMPARE(btc.settings.staleAfter, 10s);
    QCOMPARE(btc.options.members().size(), 1);
    QCOMPARE(btc.options.find("symbols")->items()[0].text(), "BTCUSDT");
    QCOMPARE(btc.options.place().line, 3);

    const NodeDescription &wap = pipeline.nodes[1];
    QCOMPARE(wap.inputs.size(), 2);
    QCOMPARE(wap.inputs[1].node, "btc");
    QCOMPARE(wap.inputs[1].recordType, "book_snapshot");
    QCOMPARE(wap.inputs[1].place.line, 8);
    QCOMPARE(pipeline.nodes[2].settings.thread, "math");

    const NodeDescription &db = pipeline.nodes[3];
    QCOMPARE(db.inputs[0].recordType, QString());
    QCOMPARE(db.settings.queueRows, 1000);
    QCOMPARE(db.settings.queueBytes.bytes, 1 << 20);
    QCOMPARE(db.settings.batchRows, 500);
    QCOMPARE(db.settings.retryInitial, 100ms);
    QCOMPARE(db.settings.retryMax, 5s);
    QCOMPARE(db.options.find("url")->text(), "sqlite:signals.db");
    QCOMPARE(file.secrets, QStringList());
}

void tst_PipelineFile::pointsAtWhatIsWrong_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("line");
    QTest::addColumn<int>("column");
    QTest::addColumn<QString>("message");
    QTest::addColumn<QString>("suggestion");

    // A good file with one thing replaced.
    const auto row = [](const char *name, const char *what, const char *with, int line, int column,
                        const char *message, const char *suggestion = "") {
        QByteArray text = good;
        QVERIFY2(text.contains(what), name);
        text.replace(text.indexOf(what), qsizetype(qstrlen(what)), with);
        QTest::newRow(name) << text << line << column << QString(message) << QString(suggestion);
    };

    row("no name", "name: binance-signals\n", "", 1, 1, "name is required");
    row("name with a blank", "binance-signals", "my pipeline", 1, 7, "name: expected small letters, digits");
    row("name with a capital", "binance-signals", "Binance", 1, 7, "name: expected small letters");
    row("empty name", "binance-signals", "", 1, 1, "got nothing");
    row("name that is a list", "binance-signals", "[x]", 1, 7,
        "name: expected small letters, digits, '_' and '-', got a list");
    row("misspelt section", "transforms:", "transform:", 7, 1, "transform: no such key", "transforms");
    row("unknown top key", "name:", "version: 1\nname:", 1, 1, "version: no such key; a pipeline has name");
    row("section that is a list", "sources:\n", "sources: []\nx:\n", 2, 10,
        "sources: expected a map of nodes", "");
    row("node that is a text", "{ type: wap, inputs: [btc.book_update, btc.book_snapshot] }", "btc", 8, 12,
        "wap: expected the settings of a transform (type, ...), got 'btc'");
    row("node name with a capital", "  btc:", "  Btc:", 3, 3,
        "the name of a node begins with a small letter");
    row("node name used before", "  signals:", "  btc:", 9, 3,
        "there is a source of the name 'btc' in line 3 already");
    row("no type", "    type: sql\n", "", 11, 3, "type is required: the plugin that 'db' is");
    row("misspelt type", "    type: sql", "    typ: sql", 12, 5, "typ: no such key", "type");
    row("type that is a map", "type: sql", "type: {sql: x}", 12, 11,
        "type: expected the name of a plugin, got a map");
    row("empty type", "type: sql", "type: ''", 12, 11,
        "type: expected the name of a plugin, got an empty text");
    row("inputs of a source", "    symbols:", "    inputs: [wap]\n    symbols:", 5, 5,
        "inputs: a source reads no other nodes");
    row("no inputs", ", inputs: [wap]", "", 9, 3, "inputs is required: which nodes 'signals' reads");
    row("misspelt inputs", "inputs: [wap],", "input: [wap],", 9, 35, "input: no such key", "inputs");
    row("inputs without brackets", "inputs: [wap],", "inputs: wap,", 9, 43,
        "inputs: expected a list of nodes, got 'wap'", "[wap]");
    row("empty inputs", "inputs: [wap],", "inputs: [],", 9, 43, "inputs: at least one is required");
    row("misspelt input", "[wap, signals]", "[wap, signal]", 13, 19, "inputs: there is no node 'signal'",
        "signals");
    row("misspelt input with record type", "btc.book_update", "btx.book_update", 8, 34,
        "inputs: there is no node 'btx'", "btc");
    row("unknown input", "[wap, signals]", "[wap, signals, kraken]", 13, 28,
        "inputs: there is no node 'kraken'");
    row("plugin as an input", "[wap, signals]", "[wap, signals, binance]", 13, 28,
        "inputs: there is no node 'binance'", "btc");
    row("input with two dots", "[wap, signals]", "[wap, signals, wap.a.b]", 13, 28,
        "inputs: expected the name of a node");
    row("input that is a list", "[wap, signals]", "[wap, signals, [btc]]", 13, 28,
        "inputs: expected the name of a node");
    row("input that is a sink", "[wap, signals]",
        "[wap, signals, archive]\n  archive:\n    type: sql\n    inputs: [wap]\n    x: y", 13, 28,
        "inputs: 'archive' is a sink, nothing comes out of it");
    row("input given twice", "[wap, signals]", "[wap, signals, wap]", 13, 28, "inputs: 'wap' is given twice");
    row("record type given twice", "btc.book_snapshot", "btc.book_update", 8, 51,
        "inputs: 'btc.book_update' is given twice");
    row("node and its record type", "btc.book_snapshot", "btc", 8, 51,
        "inputs: 'btc' alone means all its record types");
    row("node that reads itself", "inputs: [wap],", "inputs: [wap, signals],", 9, 49,
        "inputs: 'signals' cannot read itself");
    row("circle", "btc.book_snapshot", "signals", 8, 51,
        "inputs: these nodes read each other in a circle: wap -> signals -> wap");
    row("transform nobody reads", "[wap, signals]", "[wap]", 9, 3, "nobody reads 'signals'");
    row("source nobody reads", "transforms:", "  eth: { type: binance }\ntransforms:", 7, 3,
        "nobody reads 'eth'");
    row("no sources", "sources:\n", "sources: {}\nsource_s:\n", 2, 10, "sources: at least one is required");
    row("setting of another kind", "    symbols:", "    retry: { max: 1s }\n    symbols:", 5, 5,
        "retry: is for sinks only");
    row("setting of two other kinds", "    symbols:", "    queue: { rows: 1 }\n    symbols:", 5, 5,
        "queue: is for transforms and sinks only");
    row("grace of a sink", "    batch:", "    startup_grace: 1s\n    batch:", 16, 5,
        "startup_grace: is for sources only");
    row("queue without room", "rows: 1000", "rows: 0", 15, 20, "queue.rows: must be at least 1");
    row("queue in octal", "rows: 1000", "rows: 0100", 15, 20,
        "queue.rows: expected a whole number, got '0100'");
    row("queue in quotes", "rows: 1000", "rows: '1000'", 15, 20,
        "queue.rows: expected a whole number, got the text '1000'");
    row("queue that is a number", "{ rows: 1000, bytes: 1MiB }", "1000", 15, 5,
        "queue: expected a map such as {rows: 65536}, got '1000'");
    row("misspelt part of queue", "bytes: 1MiB", "byte: 1MiB", 15, 26, "queue.byte: no such option",
        "queue.bytes");
    row("size without a unit it knows", "bytes: 1MiB", "bytes: 1M", 15, 33, "queue.bytes: expected a size");
    row("hasty retry", "initial: 100ms", "initial: 5ms", 17, 23, "retry.initial: must be at least 10ms");
    row("retry that shrinks", "max: 5s", "max: 50ms", 17, 12,
        "retry: max (50ms) must not be less than initial (100ms)");
    row("duration in words", "stale_after: 10s", "stale_after: soon", 6, 18,
        "stale_after: expected a duration");
    row("thread with a blank", "thread: math", "thread: a b", 9, 79, "thread: expected up to 32 letters");
    row("variable not set", "${DATABASE_URL:-sqlite:signals.db}", "${DATABASE_URL}", 14, 10,
        "the environment variable DATABASE_URL is not set");
    row("no closing brace", "${DATABASE_URL:-sqlite:signals.db}", "${DATABASE_URL", 14, 10,
        "'${' without '}'");
    row("not a variable", "${DATABASE_URL:-sqlite:signals.db}", "${DATABASE-URL}", 14, 10,
        "expected ${NAME}, ${NAME:-default}");
    row("reference in a key", "    url:", "    ${KEY}: x\n    url:", 14, 5,
        "${...} is replaced in values only");
}

void tst_PipelineFile::pointsAtWhatIsWrong()
{
    QFETCH(QByteArray, text);
    QFETCH(int, line);
    QFETCH(int, column);
    QFETCH(QString, message);
    QFETCH(QString, suggestion);

    const PipelineFile file = parse(text);

    const QString printed = formatDiagnostics(file.diagnostics, file.text);
    const auto found =
        std::find_if(file.diagnostics.begin(), file.diagnostics.end(),
                     [&](const Diagnostic &diagnostic) { return diagnostic.message.contains(message); });
    QVERIFY2(found != file.diagnostics.end(), qPrintable(printed));
    QCOMPARE(found->file, "test.yaml");
    QCOMPARE(found->place.line, line);
    QCOMPARE(found->place.column, column);
    QCOMPARE(found->suggestion, suggestion);
    // What is replaced by something of another shape may leave readers without a node; a slip gives one
    // message.
    static const QStringList withConsequences{"section that is a list", "no sources",
                                              "node that is a text",    "node name with a capital",
                                              "node name used before",  "no inputs"};
    if (!withConsequences.contains(QString(QTest::currentDataTag())))
        QVERIFY2(file.diagnostics.size() == 1, qPrintable(printed));
}

void tst_PipelineFile::saysEverythingAtOnceInOrder()
{
    const PipelineFile file =
        parse("name: X\n"
              "sources:\n"
              "  a: { type: t, queue: 5 }\n"
              "  a: { type: t }\n"
              "sinks:\n"
              "  s: { inputs: [kraken], retry: { initial: x, max: y }, u: \"${NO}\", v: \"${file:/no}\" }\n");

    QStringList places;
    for (const Diagnostic &d : file.diagnostics)
        places.append(QString("%1:%2").arg(d.place.line).arg(d.place.column));
    QCOMPARE(places,
             QStringList({"1:7", "3:3", "3:17", "4:3", "6:3", "6:17", "6:44", "6:52", "6:60", "6:72"}));
}

void tst_PipelineFile::keepsHostKeysFromThePlugin()
{
    const PipelineFile file = parse(good);

    for (const NodeDescription &node : file.description.nodes) {
        for (const char *key : {"type", "inputs", "thread", "queue", "batch", "retry", "stale_after"})
            QVERIFY2(!node.options.find(key), key);
    }
    QStringList own;
    for (const Value::Member &member : file.description.nodes[2].options.members())
        own.append(member.key);
    QCOMPARE(own, QStringList({"short", "long"}));
}

void tst_PipelineFile::masksSecretsInMessages()
{
    QByteArray text = good;
    text.replace("1000", "\"${ROWS}\"").replace("[wap]", "[\"${NODE}\"]");

    const PipelineFile file = parse(text, {{"ROWS", "hunter22"}, {"NODE", "hunter22.x"}});

    QCOMPARE(file.secrets, QStringList({"hunter22.x", "hunter22"}));
    QCOMPARE(file.description.secrets, file.secrets);
    const QString printed = formatDiagnostics(file.diagnostics, file.text);
    QVERIFY2(printed.contains("queue.rows: expected a whole number, got '***'"), qPrintable(printed));
    QVERIFY2(!printed.contains("hunter22"), qPrintable(printed));
}

void tst_PipelineFile::readsFromDisk()
{
    QTemporaryDir folder;
    QFile file(folder.filePath("p.yaml"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(QByteArray(good)
                   .replace("[BTCUSDT]", "[\"${SYMBOL}\"]")
                   .replace("${DATABASE_URL:-", "${DATABASE_URL:?"));
    file.close();
    QFile env(folder.filePath(".env"));
    QVERIFY(env.open(QIODevice::WriteOnly));
    env.write("# for a laptop\nDATABASE_URL=postgres://u:s3cret@h/db\nexport SYMBOL=ETHUSDT\n");
    env.close();

    const PipelineFile pipeline = readPipelineFile(file.fileName(), environment({{"SYMBOL", "BTC"}}));

    QVERIFY2(pipeline.diagnostics.isEmpty(),
             qPrintable(formatDiagnostics(pipeline.diagnostics, pipeline.text)));
    QCOMPARE(pipeline.description.nodes[0].options.find("symbols")->items()[0].text(),
             "BTC"); // the real one wins
    QCOMPARE(pipeline.description.nodes[3].options.find("url")->text(), "postgres://u:s3cret@h/db");
    QCOMPARE(pipeline.secrets, QStringList({"postgres://u:s3cret@h/db", "s3cret"}));

    QVERIFY(env.open(QIODevice::Append));
    env.write("PASSWORD 's3cret'\n");
    env.close();
    const PipelineFile wrong = readPipelineFile(file.fileName(), environment());

    QCOMPARE(formatDiagnostics(wrong.diagnostics, wrong.text),
             folder.filePath(".env") + ":4: error: expected KEY=VALUE\n1 error\n");
}

void tst_PipelineFile::saysWhyAFileCannotBeRead()
{
    QTemporaryDir folder;
    const PipelineFile missing = readPipelineFile(folder.filePath("no.yaml"), environment());
    const PipelineFile directory = readPipelineFile(folder.path(), environment());
    QFile large(folder.filePath("large.yaml"));
    QVERIFY(large.open(QIODevice::WriteOnly));
    large.write(QByteArray(1'100'000, '#'));
    large.close();
    const PipelineFile tooLarge = readPipelineFile(large.fileName(), environment());

    QCOMPARE(formatDiagnostics(missing.diagnostics, missing.text),
             folder.filePath("no.yaml") + ": error: no such file\n1 error\n");
    QCOMPARE(directory.diagnostics.value(0).message, "is not a regular file");
    QCOMPARE(tooLarge.diagnostics.value(0).message, "the file is larger than 1048576 bytes");
}

void tst_PipelineFile::staysQuickWithManyWrongNodes()
{
    QByteArray text = "name: x\nsources: {a: {type: t}}\ntransforms:\n";
    for (int i = 0; i < 3000; ++i) {
        const QByteArray number = QByteArray::number(i);
        text += "  node_with_a_long_name_" + number + ": {type: t, inputs: [mode_with_a_long_name_" + number +
                "]}\n";
    }
    QElapsedTimer timer;
    timer.start();

    const PipelineFile file = parse(text);

    QVERIFY(file.diagnostics.size() > 1000);
    QVERIFY(formatDiagnostics(file.diagnostics, file.text).endsWith(" errors, the first 100 shown\n"));
    QVERIFY2(timer.elapsed() < 30'000, qPrintable(QString::number(timer.elapsed()))); // sanitizers are slow
}

void tst_PipelineFile::printsWithLineAndCaret()
{
    const QList<Diagnostic> one{{"a.yaml", {2, 3}, "short: no such option", "shot"}};
    const QByteArray text = "name: x\n  short: 1\n";

    QCOMPARE(formatDiagnostics(one, text),
             QString("a.yaml:2:3: error: short: no such option; did you mean 'shot'?\n"
                     "      short: 1\n"
                     "      ^\n"
                     "1 error\n"));
    QVERIFY(formatDiagnostics(one + one, text).endsWith("^\n2 errors\n"));
    QCOMPARE(formatDiagnostics({}, text), QString());
}

void tst_PipelineFile::printsUnicodeTabsAndLongLines()
{
    const QByteArray text =
        "\xf0\x9f\x8c\x8a\xc3\xa4: \x1b[31m\n\t\tx\n" + QByteArray(500, 'a') + "!" + QByteArray(500, 'b');

    QCOMPARE(formatDiagnostics({{"f", {1, 3}, "m\x1b[0m", {}}}, text),
             QString::fromUtf8("f:1:3: error: m\uFFFD[0m\n    🌊ä: \uFFFD[31m\n      ^\n1 error\n"));
    QCOMPARE(formatDiagnostics({{"f", {2, 3}, "m", {}}}, text),
             QString("f:2:3: error: m\n    \t\tx\n    \t\t^\n1 error\n"));
    const QStringList cut = formatDiagnostics({{"f", {3, 501}, "m", {}}}, text).split('\n');
    QVERIFY(cut[1].size() < 200);
    QCOMPARE(cut[1][cut[2].indexOf('^')], '!');
    // Places that are not in the text.
    QCOMPARE(formatDiagnostics({{"f", {9, 1}, "m", {}}}, text), "f:9:1: error: m\n1 error\n");
    QVERIFY(formatDiagnostics({{"f", {2, 999}, "m", {}}}, text).contains("^"));
}

void tst_PipelineFile::printsNoLineWithoutAColumn()
{
    QCOMPARE(formatDiagnostics({{".env", {1, 0}, "expected KEY=VALUE", {}}}, "PASSWORD hunter2\n"),
             ".env:1: error: expected KEY=VALUE\n1 error\n");
}

QTEST_GUILESS_MAIN(tst_PipelineFile)

#include "tst_pipeline_file.moc"
