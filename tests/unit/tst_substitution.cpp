// SPDX-License-Identifier: Apache-2.0
#include "host/env_file.h"
#include "host/substitution.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <sys/stat.h>

using namespace tidemill;
using namespace tidemill::host;

class tst_Substitution : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase();
    void replaces_data();
    void replaces();
    void refuses_data();
    void refuses();
    void leavesKeysAndPlacesAlone();
    void tellsWhenQuotesStillCount();
    void collectsSecrets();
    void boundsWhatIsPutIn();
    void masksLongestFirst();

    void readsEnvFiles_data();
    void readsEnvFiles();
    void refusesEnvLines_data();
    void refusesEnvLines();
    void leavesTheEnvironmentAlone();

private:
    QString write(const QString &name, const QByteArray &content);

    QTemporaryDir m_folder;
    QProcessEnvironment m_environment;
};

QString tst_Substitution::write(const QString &name, const QByteArray &content)
{
    QFile file(m_folder.filePath(name));
    if (!file.open(QIODevice::WriteOnly) || file.write(content) != content.size())
        qFatal("cannot write a test's own file");
    return file.fileName();
}

void tst_Substitution::initTestCase()
{
    m_environment.insert("HOST", "db.example");
    m_environment.insert("EMPTY", "");
    m_environment.insert("TRAP", "${HOST}");
    m_environment.insert("URL", "postgres://u:pass%20word@h/db");
    write("token", "abc def\n");
    write("two_newlines", "abc\n\n");
    write("windows", "abc\r\n");
    write("empty", "");
    write("binary", QByteArray("a\0b", 3));
    write("latin1", "\xe4\n");
    write("large", QByteArray(64 * 1024 + 1, 'x'));
    write("largest", QByteArray(64 * 1024, 'x'));
    QCOMPARE(mkfifo(qPrintable(m_folder.filePath("fifo")), 0600), 0);
}

void tst_Substitution::replaces_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("result");

    QTest::newRow("nothing to replace") << "plain $HOST {x} }"
                                        << "plain $HOST {x} }";
    QTest::newRow("variable") << "${HOST}"
                              << "db.example";
    QTest::newRow("within text, twice") << "a ${HOST}:${HOST}/b"
                                        << "a db.example:db.example/b";
    QTest::newRow("set but empty") << "<${EMPTY}>"
                                   << "<>";
    QTest::newRow("default") << "${NONE:-sqlite:x.db}"
                             << "sqlite:x.db";
    QTest::newRow("default for empty") << "${EMPTY:-x}"
                                       << "x";
    QTest::newRow("default not needed") << "${HOST:-x}"
                                        << "db.example";
    QTest::newRow("empty default") << "<${NONE:-}>"
                                   << "<>";
    QTest::newRow("default with signs") << "${NONE:-a:-b?c{}"
                                        << "a:-b?c{";
    QTest::newRow("default within default") << "${NONE:-${NO:-${HOST}}/x}"
                                            << "db.example/x";
    QTest::newRow("message not needed") << "${HOST:?set it}"
                                        << "db.example";
    QTest::newRow("escape") << "$${HOST}"
                            << "${HOST}";
    QTest::newRow("escape beside") << "$${${HOST}$${"
                                   << "${db.example${";
    QTest::newRow("dollars") << "$$ $x $"
                             << "$$ $x $";
    QTest::newRow("values are not replaced in") << "${TRAP}"
                                                << "${HOST}";
    QTest::newRow("file") << "${file:token}"
                          << "abc def";
    QTest::newRow("file within text") << "Bearer ${file:token}!"
                                      << "Bearer abc def!";
    QTest::newRow("one newline only") << "${file:two_newlines}"
                                      << "abc\n";
    QTest::newRow("Windows newline") << "${file:windows}"
                                     << "abc";
    QTest::newRow("empty file") << "<${file:empty}>"
                                << "<>";
    QTest::newRow("largest file") << "${file:largest}" << QString(64 * 1024, 'x');
    QTest::newRow("a variable called file") << "${file:-x}"
                                            << "x";
}

void tst_Substitution::replaces()
{
    QFETCH(QString, text);
    QFETCH(QString, result);
    Substitution substitution(m_environment, m_folder.path());

    const Value value = substitution.apply(Value::scalar(text));

    QVERIFY2(substitution.problems().isEmpty(), qPrintable(substitution.problems().value(0).message));
    QCOMPARE(value.text(), result);
}

void tst_Substitution::refuses_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("message");
    QTest::addColumn<QString>("suggestion");

    QTest::newRow("not set") << "${NONE}"
                             << "the environment variable NONE is not set; give a default with ${NONE:-...}"
                             << "";
    QTest::newRow("misspelt") << "${HOTS}"
                              << "the environment variable HOTS is not set; give a default with ${HOTS:-...}"
                              << "HOST";
    QTest::newRow("message") << "${NONE:?start the database first}"
                             << "the environment variable NONE is not set: start the database first"
                             << "";
    QTest::newRow("message for empty") << "${EMPTY:?}"
                                       << "the environment variable EMPTY is not set"
                                       << "";
    QTest::newRow("no end") << "a ${HOST"
                            << "'${' without '}'; write '$${' for a plain '${'"
                            << "";
    QTest::newRow("no name")
        << "${}"
        << "expected ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:PATH}, got '${}'"
        << "";
    QTest::newRow("shell's own")
        << "${HOST:+x}"
        << "expected ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:PATH}, got '${HOST:+x}'"
        << "";
    QTest::newRow("no file") << "${file:none}"
                             << "${file:none}: no such file"
                             << "";
    QTest::newRow("no path") << "${file:}"
                             << "${file:}: no such file"
                             << "";
    QTest::newRow("folder") << "${file:.}"
                            << "${file:.}: is not a regular file"
                            << "";
    QTest::newRow("pipe") << "${file:fifo}"
                          << "${file:fifo}: is not a regular file"
                          << "";
    QTest::newRow("endless device") << "${file:/dev/zero}"
                                    << "${file:/dev/zero}: is not a regular file"
                                    << "";
    QTest::newRow("too large") << "${file:large}"
                               << "${file:large}: is larger than 65536 bytes"
                               << "";
    QTest::newRow("with NUL") << "${file:binary}"
                              << "${file:binary}: is not text in UTF-8"
                              << "";
    QTest::newRow("not UTF-8") << "${file:latin1}"
                               << "${file:latin1}: is not text in UTF-8"
                               << "";
    QTest::newRow("too deep") << QString("${A:-").repeated(20) + QString("}").repeated(20)
                              << "defaults are nested deeper than 8 levels"
                              << "";
}

void tst_Substitution::refuses()
{
    QFETCH(QString, text);
    QFETCH(QString, message);
    QFETCH(QString, suggestion);
    Substitution substitution(m_environment, m_folder.path());

    substitution.apply(Value::scalar(text, false, {7, 9}));

    QCOMPARE(substitution.problems().size(), 1);
    const Diagnostic &problem = substitution.problems().first();
    QCOMPARE(problem.message, message);
    QCOMPARE(problem.suggestion, suggestion);
    QCOMPARE(problem.place.line, 7);
    QCOMPARE(problem.place.column, 9);
}

void tst_Substitution::leavesKeysAndPlacesAlone()
{
    Substitution substitution(m_environment, m_folder.path());
    const Value list = Value::list({Value(), Value::scalar("${HOST}", false, {3, 4})}, {3, 1});

    const Value result = substitution.apply(Value::map({{"key", {2, 1}, list}}, {2, 1}));

    QVERIFY(substitution.problems().isEmpty());
    QCOMPARE(result.members()[0].keyPlace.line, 2);
    QCOMPARE(result.find("key")->place().line, 3);
    QVERIFY(result.find("key")->items()[0].isNull());
    QCOMPARE(result.find("key")->items()[1].text(), "db.example");
    QCOMPARE(result.find("key")->items()[1].place().column, 4);

    substitution.apply(Value::map({{"${HOST}", {5, 1}, Value::scalar("x")}}));
    QCOMPARE(substitution.problems().value(0).message, "${...} is replaced in values only, not in keys");
    QCOMPARE(substitution.problems().value(0).place.line, 5);
}

void tst_Substitution::tellsWhenQuotesStillCount()
{
    Substitution substitution(m_environment, m_folder.path());

    QVERIFY(!substitution.apply(Value::scalar("${HOST}", false)).isQuoted());
    QVERIFY(!substitution.apply(Value::scalar("${HOST}", true)).isQuoted());
    QVERIFY(substitution.apply(Value::scalar("${HOST}:1", true)).isQuoted());
    QVERIFY(substitution.apply(Value::scalar("${HOST}${HOST}", true)).isQuoted());
    QVERIFY(substitution.apply(Value::scalar("5", true)).isQuoted());
}

void tst_Substitution::collectsSecrets()
{
    Substitution substitution(m_environment, m_folder.path());
    m_environment.insert("SHORT", "abc");

    substitution.apply(Value::scalar(
        "${SHORT} ${HOST} ${NONE:-default} ${URL} ${file:token} ${HOST} ${X:-${file:windows}}"));

    QCOMPARE(substitution.secrets(),
             QStringList({"postgres://u:pass%20word@h/db", "db.example", "pass word", "abc def"}));
    m_environment.remove("SHORT");
}

void tst_Substitution::boundsWhatIsPutIn()
{
    Substitution substitution(m_environment, m_folder.path());

    const Value result = substitution.apply(Value::scalar(QString("${file:largest}").repeated(5000)));

    QVERIFY(!substitution.problems().isEmpty());
    QVERIFY(substitution.problems()[0].message.contains("larger than 4194304 characters in all"));
    QVERIFY(result.text().size() <= 4 * 1024 * 1024);
}

void tst_Substitution::masksLongestFirst()
{
    QCOMPARE(masked("see abcdef and abcd", {"abcdef", "abcd"}), "see *** and ***");
}

void tst_Substitution::readsEnvFiles_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("value");

    QTest::newRow("plain") << QByteArray("A=x y") << "x y";
    QTest::newRow("among others") << QByteArray("# c\n\n  # d\nB=1\nA=x\nC=2\n") << "x";
    QTest::newRow("export") << QByteArray("export A=x") << "x";
    QTest::newRow("blanks around") << QByteArray("  A = x  ") << "x";
    QTest::newRow("Windows line ends") << QByteArray("A=x\r\nB=y\r\n") << "x";
    QTest::newRow("empty") << QByteArray("A=") << "";
    QTest::newRow("comment") << QByteArray("A=x # y") << "x";
    QTest::newRow("comment only") << QByteArray("A= # y") << "";
    QTest::newRow("hash within") << QByteArray("A=x#y") << "x#y";
    QTest::newRow("equals sign within") << QByteArray("A=x=y") << "x=y";
    QTest::newRow("single quotes") << QByteArray("A=' x # \\n${B} ' # c") << " x # \\n${B} ";
    QTest::newRow("double quotes") << QByteArray("A=\"a\\nb\\t\\\"c\\\" \\\\ \\$x \\q # \"")
                                   << "a\nb\t\"c\" \\ $x \\q # ";
    QTest::newRow("empty quotes") << QByteArray("A=''") << "";
    QTest::newRow("not replaced in") << QByteArray("A=${B}") << "${B}";
}

void tst_Substitution::readsEnvFiles()
{
    QFETCH(QByteArray, text);
    QFETCH(QString, value);

    const EnvFile file = parseEnvFile(text, ".env");

    QVERIFY2(file.problems.isEmpty(), qPrintable(file.problems.value(0).message));
    QVERIFY(file.variables.contains(std::pair(QString("A"), value)));
}

void tst_Substitution::refusesEnvLines_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("line");
    QTest::addColumn<QString>("message");

    QTest::newRow("no equals sign") << QByteArray("A=1\n\nsecret words\n") << 3 << "expected KEY=VALUE";
    QTest::newRow("bad name") << QByteArray("A-B=1") << 1 << "expected KEY=VALUE";
    QTest::newRow("number first") << QByteArray("1A=1") << 1 << "expected KEY=VALUE";
    QTest::newRow("open quote") << QByteArray("A=\"x\nB=1\n") << 1
                                << "A: the quote is not closed on its line";
    QTest::newRow("escaped quote") << QByteArray("A=\"x\\\"") << 1
                                   << "A: the quote is not closed on its line";
    QTest::newRow("text behind a quote")
        << QByteArray("A='x'y") << 1 << "A: only a comment may follow the closing quote";
    QTest::newRow("comment without a space")
        << QByteArray("A='x'#y") << 1 << "A: only a comment may follow the closing quote";
    QTest::newRow("twice") << QByteArray("A=1\nB=2\nA=3") << 3 << "A is given twice, first in line 1";
    QTest::newRow("not UTF-8") << QByteArray("A=1\nB=\xff") << 2 << "this line is not text in UTF-8";
    QTest::newRow("NUL") << QByteArray("A=\0", 3) << 1 << "this line is not text in UTF-8";
}

void tst_Substitution::refusesEnvLines()
{
    QFETCH(QByteArray, text);
    QFETCH(int, line);
    QFETCH(QString, message);

    const EnvFile file = parseEnvFile(text, "x/.env");

    QCOMPARE(file.problems.size(), 1);
    QCOMPARE(file.problems[0].message, message);
    QCOMPARE(file.problems[0].file, "x/.env");
    QCOMPARE(file.problems[0].place.line, line);
    QCOMPARE(file.problems[0].place.column, 0);
}

void tst_Substitution::leavesTheEnvironmentAlone()
{
    QProcessEnvironment environment = m_environment;
    const QString path = write("an.env", "HOST=other\nEMPTY=other\nNEW=other\n");

    QVERIFY(readEnvFile(path, environment).isEmpty());
    QCOMPARE(environment.value("HOST"), "db.example");
    QCOMPARE(environment.value("EMPTY"), "");
    QCOMPARE(environment.value("NEW"), "other");
    QVERIFY(readEnvFile(m_folder.filePath("none.env"), environment).isEmpty());
    QCOMPARE(readEnvFile(m_folder.path(), environment).value(0).message, "is not a regular file");
}

QTEST_GUILESS_MAIN(tst_Substitution)

#include "tst_substitution.moc"
