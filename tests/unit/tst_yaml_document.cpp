// SPDX-License-Identifier: Apache-2.0
#include "host/yaml_document.h"

#include <QElapsedTimer>
#include <QTest>

using namespace tidemill;
using namespace tidemill::host;

class tst_YamlDocument : public QObject
{
    Q_OBJECT

private slots:
    void refusesWithPlace_data();
    void refusesWithPlace();
    void acceptsUnusualLayout_data();
    void acceptsUnusualLayout();
    void keepsPlaces();
    void tellsQuotedFromPlain();
    void saysAllThatIsWrong();
    void countsTheFirstOfARepeatedKey();
    void staysBounded_data();
    void staysBounded();
};

void tst_YamlDocument::refusesWithPlace_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("line");
    QTest::addColumn<int>("column");
    QTest::addColumn<QString>("message");

    const auto row = [](const char *name, const QByteArray &text, int line, int column, const char *message) {
        QTest::newRow(name) << text << line << column << QString::fromUtf8(message);
    };

    row("empty", "", 1, 1, "the file is empty");
    row("comments only", "# nothing\n", 1, 1, "the file is empty");
    row("repeated key", "a: 1\nb: 2\na: 3\n", 3, 1, "'a' is given twice, first in line 1");
    row("repeated key in braces", "a: {b: 1, c: 2, b: 3}\n", 1, 17, "'b' is given twice, first in line 1");
    row("double quote swallows lines", "a: \"abc\nb: 1\nc: 2\n", 1, 4,
        "this quote is not closed on its line");
    row("double quote closed by the next one", "a: \"abc\nb: \"1\"\n", 1, 4, "this quote is not closed");
    row("single quote swallows lines", "a: 'abc\nb: 1\n", 1, 4, "this quote is not closed on its line");
    row("quote with an escaped end", "a: \"abc\\\"\nb: 1\n", 1, 4, "this quote is not closed on its line");
    row("quote in a list in brackets", "a: [x, 'y\n  , z]\nb: 1\n", 1, 8, "this quote is not closed");
    row("text of two lines", "a: one\n  two\n", 2, 3, "indented deeper than the one before it");
    row("text of two lines in brackets", "a: [one\n  two]\n", 1, 5, "goes on in the next line");
    row("second document", "a: 1\n---\nb: 2\n", 2, 1, "a second document begins here");
    row("empty second document", "a: 1\n---\n", 2, 1, "a second document begins here");
    row("invalid UTF-8", "a: 1\nb: x\xff\xfe\n", 2, 5, "0xff) is not UTF-8");
    row("overlong UTF-8", "a: \xc0\xaf\n", 1, 4, "(0xc0) is not UTF-8");
    row("UTF-8 cut off", "a: 1\nb: \xe2\x82\n", 2, 4, "(0xe2) is not UTF-8");
    row("column counts characters", "\xc3\xa4\xc3\xb6: \xff\n", 1, 5, "is not UTF-8");
    row("NUL", QByteArray("a: 1\nb: \0\n", 10), 2, 4, "control character 0x00");
    row("NUL by escape", "a: \"x\\0\"\n", 1, 4, "must not contain the character NUL");
    row("escape character", "a: \x1b[31m\n", 1, 4, "control character 0x1b");
    row("C1 control character", "a: \xc2\x9b\n", 1, 4, "control character 0x9b");
    row("carriage return alone", "a: 1\rb: 2\n", 1, 5, "control character 0x0d");
    row("tab for indentation", "a:\n\tb: 1\n", 2, 1, "indented with a tab");
    row("tab behind spaces", "a:\n  \tb: 1\n", 2, 3, "indented with a tab");
    row("space that is none", "a:\n\xc2\xa0 b: 1\n", 2, 1, "only looks like a space");
    row("anchor", "a: &x 1\n", 1, 4, "anchors ('&name') are not supported");
    row("alias", "a: *x\n", 1, 4, "aliases ('*name') are not supported");
    row("star without quotes", "a: [b, *.json]\n", 1, 8, "put the text in quotes if it begins with '*'");
    row("merge key", "a:\n  <<: {b: 1}\n", 2, 3, "merge keys ('<<') are not supported");
    row("tag", "a: !!int 5\n", 1, 4, "tags ('!name') are not supported");
    row("short tag", "a: ! 5\n", 1, 4, "tags ('!name') are not supported");
    row("directive", "%YAML 1.2\n---\na: 1\n", 1, 1, "directives");
    row("at sign", "a: @x\n", 1, 4, "cannot begin with '@'");
    row("question mark key", "? a\n: 1\n", 1, 1, "keys that begin with '? '");
    row("list as key", "a: {[b]: c}\n", 1, 5, "a key must be a word");
    row("missing key", "a:\n  b: 1\n  : 2\n", 3, 3, "expected 'key: value'");
    row("missing key in braces", "a: {: 2}\n", 1, 5, "the key before ':' is missing");
    row("no space after the colon", "a: 1\nb:2\n", 2, 1, "(with a space after the ':')");
    row("no space after the only colon", "a:\n  b:1\n  c: 2\n", 2, 3, "(with a space after the ':')");
    row("quote in brackets of one line", "a: [x, \"y]\nb: ${c}\n", 1, 8, "this quote is not closed");
    row("quote in brackets of two lines", "a: [x,\n  \"y]\nb: 1\n", 2, 3, "this quote is not closed");
    row("no colon", "a: 1\nb\nc: 3\n", 2, 1, "expected 'key: value'");
    row("two colons", "a: b: c\n", 1, 5, "a second ':' in one line");
    row("text behind a quote", "a: \"b\" c\n", 1, 8, "nothing may follow the value before this");
    row("list on the key's line", "a: - b\n", 1, 4, "a list begins on a line of its own");
    row("indented too far", "a:\n  b: 1\n    c: 2\n", 3, 5, "indented deeper than the one before it");
    row("indented too little", "a:\n    b: 1\n  c: 2\n", 3, 3, "that of none of the lines above");
    row("item indented too little", "a:\n    - b\n  - c\n", 3, 3, "that of none of the lines above");
    row("bracket never closed", "a: [b, c\nd: 1\n", 1, 4, "this '[' is never closed");
    row("brace never closed", "a:\n  b: {c: 1\n", 2, 6, "this '{' is never closed");
    row("bracket closed by a brace", "a: [b}\n", 1, 6, "this '}' cannot close the '[' of line 1");
    row("bracket that closes nothing", "a: 1\nb: ]\n", 2, 4, "this ']' closes nothing");
    row("colon missing a comma", "a: [b: c d: e]\n", 1, 11, "expected ',' or ']' here");
    row("unknown escape", "a: \"b\\q\"\n", 1, 6, "'\\q' means nothing in double quotes");
    row("bad hexadecimal escape", "a: \"b\\xzz\"\n", 1, 6, "expected hexadecimal digits");
    row("reference in braces", "a: {b: ${C}}\n", 1, 8, "must be in quotes: \"${NAME}\"");
    row("block in braces", "a: {b: |}\n", 1, 8, "cannot begin with '|' here");
    row("text behind a block's sign", "a: | b\n  c\n", 1, 6, "only a comment may follow the '|'");
}

void tst_YamlDocument::refusesWithPlace()
{
    QFETCH(QByteArray, text);
    QFETCH(int, line);
    QFETCH(int, column);
    QFETCH(QString, message);

    const YamlDocument document = readYaml(text);

    QVERIFY(!document.problems.isEmpty());
    const Diagnostic &first = document.problems.first();
    QVERIFY2(first.message.contains(message), qPrintable(first.message));
    QCOMPARE(first.place.line, line);
    QCOMPARE(first.place.column, column);
    QVERIFY2(document.problems.size() == 1,
             qPrintable(document.problems.last().message)); // one slip, one message
}

void tst_YamlDocument::acceptsUnusualLayout_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("value"); // of the key "a", lists joined with '|'

    QTest::newRow("Windows line ends") << QByteArray("b: 1\r\na: x\r\n") << "x";
    QTest::newRow("byte order mark") << QByteArray("\xef\xbb\xbf"
                                                   "a: x\n")
                                     << "x";
    QTest::newRow("no newline at the end") << QByteArray("a: x") << "x";
    QTest::newRow("one document marked") << QByteArray("---\na: x\n...\n") << "x";
    QTest::newRow("value on the next line") << QByteArray("a:\n  x\nb: 1\n") << "x";
    QTest::newRow("list at its key's column") << QByteArray("a:\n- x\n- y\nb: 1\n") << "x|y";
    QTest::newRow("list over lines") << QByteArray("a: [x,\n  y,\n\n  # why\n  z\n]\nb: 1\n") << "x|y|z";
    QTest::newRow("quotes within a plain text") << QByteArray("a: it's \"x\nb: 1\n") << "it's \"x";
    QTest::newRow("doubled single quote") << QByteArray("a: 'it''s'\n") << "it's";
    QTest::newRow("escapes") << QByteArray("a: \"x\\n\\\"\\u00e4\"\n") << QString::fromUtf8("x\n\"ä");
    QTest::newRow("colon without a space")
        << QByteArray("a: postgres://u@h:5432/db\n") << "postgres://u@h:5432/db";
    QTest::newRow("hash without a space") << QByteArray("a: x#y # z\n") << "x#y";
    QTest::newRow("block") << QByteArray("a: |\n  \"x\n   &y [\n  *z\n\n\tb: 1\n").replace("\tb", "b")
                           << "\"x\n &y [\n*z\n";
    QTest::newRow("folded block") << QByteArray("a: >-\n  x\n  y\nb: 1\n") << "x y";
    QTest::newRow("block in a list") << QByteArray("a:\n  - |\n    'x\n  - y\n") << "'x\n|y";
    QTest::newRow("tab in front of a comment") << QByteArray("a: x\t# y\n") << "x";
    QTest::newRow("reference") << QByteArray("a: ${B:-c:d}\n") << "${B:-c:d}";
    QTest::newRow("star within") << QByteArray("a: x*&!@\n") << "x*&!@";
    QTest::newRow("negative number") << QByteArray("a: -5\n") << "-5";
    QTest::newRow("keys with quotes") << QByteArray("\"a\": x\n'b': y\n") << "x";
    QTest::newRow("nothing") << QByteArray("a:\nb: ~\n") << "";
}

void tst_YamlDocument::acceptsUnusualLayout()
{
    QFETCH(QByteArray, text);
    QFETCH(QString, value);

    const YamlDocument document = readYaml(text);

    QVERIFY2(document.problems.isEmpty(), qPrintable(document.problems.value(0).message));
    QVERIFY(document.isComplete);
    const Value *a = document.root.find("a");
    QVERIFY(a);
    QStringList texts{a->text()};
    if (a->kind() == Value::Kind::List) {
        texts.clear();
        for (const Value &item : a->items())
            texts.append(item.text());
    }
    QCOMPARE(texts.join('|'), value);
}

void tst_YamlDocument::keepsPlaces()
{
    const Value root = readYaml("a: 1\n\xc3\xa4: {b: [x, 'y']}\nc:\n").root;

    QCOMPARE(root.place().line, 1);
    const Value::Member &second = root.members()[1];
    QCOMPARE(second.key, QString::fromUtf8("ä"));
    QCOMPARE(second.keyPlace.line, 2);
    QCOMPARE(second.keyPlace.column, 1);
    QCOMPARE(second.value.place().column, 4);
    const Value &list = *second.value.find("b");
    QCOMPARE(list.place().column, 8);
    QCOMPARE(list.items()[1].place().line, 2);
    QCOMPARE(list.items()[1].place().column, 12);
    QVERIFY(root.find("c")->isNull());
    QCOMPARE(root.members()[2].keyPlace.line, 3);
}

void tst_YamlDocument::tellsQuotedFromPlain()
{
    const Value root = readYaml("a: 5\nb: \"5\"\nc: '5'\nd: |\n  5\n").root;

    QVERIFY(!root.find("a")->isQuoted());
    QVERIFY(root.find("b")->isQuoted());
    QVERIFY(root.find("c")->isQuoted());
    QVERIFY(root.find("d")->isQuoted());
}

void tst_YamlDocument::saysAllThatIsWrong()
{
    const YamlDocument document = readYaml("a: \"x\nb: @y\n\tc: 1\nd: *z\n");

    QVERIFY(!document.isComplete);
    QList<int> lines;
    for (const Diagnostic &problem : document.problems)
        lines.append(problem.place.line);
    QCOMPARE(lines, QList<int>({1, 2, 3, 4}));
}

void tst_YamlDocument::countsTheFirstOfARepeatedKey()
{
    const YamlDocument document = readYaml("a: {b: 1}\na: {b: 2}\nc: {d: 1, d: 2}\n");

    QCOMPARE(document.problems.size(), 2);
    QVERIFY(document.isComplete);
    QCOMPARE(document.root.members().size(), 2);
    QCOMPARE(document.root.find("a")->find("b")->text(), "1");
    QCOMPARE(document.root.find("c")->find("d")->text(), "1");
}

void tst_YamlDocument::staysBounded_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<bool>("isRefused");

    constexpr qsizetype size = maxYamlBytes - 16;
    const auto fill = [](const QByteArray &piece) { return piece.repeated(size / piece.size()); };
    for (const char *piece :
         {"[",      "{",        "]",  "{a: ",      "[a, ", "- ",     "? ",    "a: ",   "!",
          "&a ",    "*a ",      "\"", "'",         "|\n",  "a:\n",   "a\n",   "- a\n", "a: b\n",
          "a: [\n", "\n",       "#",  ",",         ":",    "%",      "---\n", "...\n", "\t",
          "\\",     "\xc3\xa4", "${", "a: \"\\\n", "[]\n", "a: {}\n"}) {
        const QByteArray name = QByteArray(piece).toPercentEncoding(" []{}:,-?!&*\"'|#%\\$");
        const bool isHarmless = name == "%0A" || name == "...%0A";
        QTest::newRow(name.constData()) << fill(piece) << (name != "...%0A");
        QTest::newRow(("a: " + name).constData()) << "a: " + fill(piece) << !isHarmless;
    }
    QByteArray stairs;
    for (int i = 0; i < 1400; ++i)
        stairs += QByteArray(i, ' ') + "a:\n";
    QTest::newRow("stairs") << stairs << true;
    QByteArray aliases = "a0: &a0 [x, x]\n";
    for (int i = 1; i < 30; ++i)
        aliases += "a" + QByteArray::number(i) + ": &a" + QByteArray::number(i) + " [*a" +
                   QByteArray::number(i - 1) + ", *a" + QByteArray::number(i - 1) + "]\n";
    QTest::newRow("billion laughs") << aliases << true;
    QTest::newRow("itself") << QByteArray("a: &a [*a]\n") << true;
    QTest::newRow("too large") << QByteArray(maxYamlBytes + 1, 'x') << true;
    QByteArray longLists;
    for (int i = 0; i < 15; ++i)
        longLists += "k" + QByteArray::number(i) + ": [" + QByteArray("a,").repeated(30'000) + "]\n";
    QTest::newRow("many values") << longLists << true;
}

void tst_YamlDocument::staysBounded()
{
    QFETCH(QByteArray, text);
    QFETCH(bool, isRefused);
    QElapsedTimer timer;
    timer.start();

    const YamlDocument document = readYaml(text);

    QCOMPARE(!document.problems.isEmpty(), isRefused);
    QVERIFY(document.problems.size() <= 200);
    QVERIFY2(timer.elapsed() < 20'000, qPrintable(QString::number(timer.elapsed()))); // sanitizers are slow
}

QTEST_GUILESS_MAIN(tst_YamlDocument)

#include "tst_yaml_document.moc"
