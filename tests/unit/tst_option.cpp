// SPDX-License-Identifier: Apache-2.0
#include "option_values.h"

#include <QTest>

using namespace tidemill;

namespace {

struct Grouped
{
    QString name;
    std::chrono::milliseconds floor{2000};
    std::chrono::milliseconds ceiling{60000};
    int still = 1;

    OptionList options()
    {
        return {
            Option("name", name, "N.").required(),
            Option("silence.floor", floor, "F.").atLeast(100),
            Option("silence.ceiling", ceiling, "C."),
            Option("deep.er.still", still, "S."),
        };
    }
};

} // namespace

Q_DECLARE_METATYPE(tidemill::Value)

class tst_Option : public QObject
{
    Q_OBJECT

private slots:
    void checksBounds_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<Value>("value");
        QTest::addColumn<QString>("message"); // empty: fits

        QTest::newRow("number below") << "number" << plain("0") << "number: must be at least 1";
        QTest::newRow("number at the least") << "number" << plain("1") << "";
        QTest::newRow("number at the most") << "number" << plain("10") << "";
        QTest::newRow("number above") << "number" << plain("11") << "number: must be at most 10";
        QTest::newRow("large bound") << "large" << plain("1000001") << "large: must be at most 1000000";
        QTest::newRow("real below") << "real" << plain("0.24") << "real: must be at least 0.25";
        QTest::newRow("decimal below") << "price" << plain("-0.01") << "price: must be at least 0";
        QTest::newRow("time below") << "time" << plain("99ms") << "time: must be at least 100ms";
        QTest::newRow("time at the least") << "time" << plain("100ms") << "";
        QTest::newRow("time above") << "time" << plain("2m") << "time: must be at most 1m";
        QTest::newRow("size above") << "size" << plain("2MiB") << "size: must be at most 1MiB";
        QTest::newRow("size in bytes") << "size" << plain("1048576") << "";
        QTest::newRow("one of") << "word" << plain("c") << "word: expected one of a, b, got 'c'";
        QTest::newRow("one of, fits") << "word" << plain("b") << "";
        QTest::newRow("list of words")
            << "words" << listOf({"a", "x"}) << "words: expected one of a, b, got 'x'";
        QTest::newRow("empty list") << "words" << listOf({}) << "words: must not be empty";
        QTest::newRow("empty text") << "filled" << quoted("") << "filled: must not be empty";
    }

    void checksBounds()
    {
        QFETCH(QString, name);
        QFETCH(Value, value);
        QFETCH(QString, message);
        int number = 1;
        qint64 large = 1;
        double real = 1;
        Decimal price;
        std::chrono::milliseconds time{};
        ByteSize size;
        QString word;
        QString filled;
        QStringList words;
        const OptionList options{
            Option("number", number, "N.").atLeast(1).atMost(10),
            Option("large", large, "L.").atMost(1'000'000),
            Option("real", real, "R.").atLeast(0.25),
            Option("price", price, "P.").atLeast(0),
            Option("time", time, "T.").atLeast(100).atMost(60'000),
            Option("size", size, "S.").atMost(1 << 20),
            Option("word", word, "W.").oneOf({QStringLiteral("a"), QStringLiteral("b")}),
            Option("filled", filled, "F.").notEmpty(),
            Option("words", words, "W.").oneOf({QStringLiteral("a"), QStringLiteral("b")}).notEmpty(),
        };

        const OptionErrors errors = options.apply(mapOf(name, value));

        QCOMPARE(texts(errors), message.isEmpty() ? QStringList() : QStringList(message));
    }

    void suggestsWhatWasMeant_data()
    {
        QTest::addColumn<QString>("written");
        QTest::addColumn<QString>("meant");

        QTest::newRow("letter missing") << "min_notionl"
                                        << "min_notional";
        QTest::newRow("letter too many") << "min_notionall"
                                         << "min_notional";
        QTest::newRow("letters swapped") << "min_notoinal"
                                         << "min_notional";
        QTest::newRow("wrong letter") << "min-notional"
                                      << "min_notional";
        QTest::newRow("capitals") << "Symbols"
                                  << "symbols";
        QTest::newRow("singular") << "symbol"
                                  << "symbols";
        QTest::newRow("another word") << "frequency"
                                      << "";
        QTest::newRow("nothing") << ""
                                 << "";
        QTest::newRow("short ones") << "ulr"
                                    << "url";
        QTest::newRow("too short to guess") << "xy"
                                            << "";
        QTest::newRow("endless") << QString(10'000, 'x') << "";
    }

    void suggestsWhatWasMeant()
    {
        QFETCH(QString, written);
        QFETCH(QString, meant);

        QCOMPARE(nearestName(written, {"min_notional", "symbols", "url", "interval"}), meant);
    }

    void saysEverythingAtOnce()
    {
        int window = 5;
        QString url;
        const OptionList options{
            Option("window", window, "How many."),
            Option("url", url, "Where to.").required(),
        };
        const Value map = Value::map({{"windw", {3, 5}, plain("1", 3, 12)},
                                      {"window", {4, 5}, plain("x", 4, 13)},
                                      {"type", {2, 5}, plain("demo")},
                                      {"empty", {5, 5}, Value()}},
                                     {2, 3});

        const OptionErrors errors = options.apply(map, {QStringLiteral("type")});

        QCOMPARE(texts(errors),
                 (QStringList{"windw: no such option", "window: expected a whole number, got 'x'",
                              "empty: no such option", "url: is required: Where to."}));
        QCOMPARE(errors[0].suggestion, "window");
        QCOMPARE(errors[0].place.line, 3);
        QCOMPARE(errors[0].place.column, 5);
        QCOMPARE(errors[1].place.line, 4);
        QCOMPARE(errors[1].place.column, 13);
        QCOMPARE(errors[3].place.line, 2);
        QCOMPARE(window, 5);
    }

    void pointsAtTheKeyOfAnAbsentValue()
    {
        int window = 5;
        const OptionList options{Option("window", window, "How many.")};

        const OptionErrors errors = options.apply(Value::map({{"window", {7, 3}, Value()}}));

        QCOMPARE(errors.size(), 1);
        QCOMPARE(errors[0].place.line, 7);
        QCOMPARE(errors[0].place.column, 3);
    }

    void neverShowsASecret_data()
    {
        QTest::addColumn<Value>("value");
        QTest::newRow("not a number") << plain("hunter2");
        QTest::newRow("quoted") << quoted("hunter2");
        QTest::newRow("out of bounds") << plain("20202");
        QTest::newRow("list") << listOf({"hunter2"});
        QTest::newRow("nothing") << Value();
    }

    void neverShowsASecret()
    {
        QFETCH(Value, value);
        int pin = 1234;
        const OptionList options{Option("pin", pin, "The PIN.").atMost(9999).secret()};

        const OptionErrors errors = options.apply(mapOf("pin", value));

        QCOMPARE(texts(errors),
                 QStringList("pin: expected integer, got something else (not shown: it is a secret)"));
        QCOMPARE(options[0].defaultText(), "***");
        QVERIFY(options[0].isSecret());
    }

    void neverShowsASecretText()
    {
        QString token;
        QStringList tokens{QStringLiteral("hunter2")};
        const OptionList options{Option("token", token, "T.").notEmpty().secret(),
                                 Option("tokens", tokens, "T.").oneOf({QStringLiteral("hunter2")}).secret()};

        const OptionErrors errors = options.apply(
            Value::map({{"token", {}, listOf({"hunter2"})}, {"tokens", {}, listOf({"hunter3"})}}));

        QCOMPARE(errors.size(), 2);
        QVERIFY(!texts(errors).join(QLatin1Char(' ')).contains("hunter"));
        QCOMPARE(options[0].defaultText(), ""); // no default is no secret
        QCOMPARE(options[1].defaultText(), "***");
    }

    void joinsLists()
    {
        int a = 1;
        int b = 2;
        const OptionList options = OptionList{Option("a", a, "A.")} + OptionList{Option("b", b, "B.")};

        const OptionErrors errors = options.apply(Value::fromVariant(QVariantMap{{"a", 10}, {"b", 20}}));

        QCOMPARE(texts(errors), QStringList());
        QCOMPARE(a, 10);
        QCOMPARE(b, 20);
    }

    void readsGroupsAsMaps()
    {
        Grouped members;
        const Value map =
            Value::fromVariant(QVariantMap{{"name", "x"},
                                           {"silence", QVariantMap{{"floor", "1s"}, {"ceiling", "2m"}}},
                                           {"deep", QVariantMap{{"er", QVariantMap{{"still", 3}}}}}});

        QCOMPARE(texts(members.options().apply(map)), QStringList());

        QCOMPARE(members.floor, std::chrono::seconds(1));
        QCOMPARE(members.ceiling, std::chrono::minutes(2));
        QCOMPARE(members.still, 3);
    }

    void saysWhatIsWrongInAGroup_data()
    {
        QTest::addColumn<Value>("map");
        QTest::addColumn<QString>("message");
        QTest::addColumn<QString>("suggestion");
        QTest::addColumn<int>("line");

        const auto group = [](const QString &key, const Value &value) {
            return Value::map({{"name", {1, 1}, plain("x", 1, 7)},
                               {"silence", {2, 1}, Value::map({{key, {3, 3}, value}}, {2, 10})}});
        };
        const auto silence = [](const Value &value) {
            return Value::map({{"name", {1, 1}, plain("x", 1, 7)}, {"silence", {2, 1}, value}});
        };
        const auto key = [](const QString &name) {
            return Value::map({{"name", {1, 1}, plain("x", 1, 7)}, {name, {2, 1}, plain("1m", 2, 20)}});
        };
        QTest::newRow("misspelt") << group("celing", plain("1m", 3, 11)) << "silence.celing: no such option"
                                  << "silence.ceiling" << 3;
        QTest::newRow("of the map around it")
            << group("name", plain("1m", 3, 11)) << "silence.name: no such option"
            << "" << 3;
        QTest::newRow("wrong value") << group("ceiling", plain("soon", 4, 5))
                                     << "silence.ceiling: expected a duration such as '250ms', '5s' or "
                                        "'1m30s', got 'soon'"
                                     << "" << 4;
        QTest::newRow("out of bounds")
            << group("floor", plain("1ms", 4, 5)) << "silence.floor: must be at least 100ms"
            << "" << 4;
        QTest::newRow("a value instead")
            << silence(plain("1m", 2, 10)) << "silence: expected a map such as {floor: 2s}, got '1m'"
            << "" << 2;
        QTest::newRow("nothing instead")
            << silence(Value()) << "silence: expected a map such as {floor: 2s}, got nothing"
            << "" << 2;
        QTest::newRow("a list instead")
            << silence(listOf({"1m"})) << "silence: expected a map such as {floor: 2s}, got a list"
            << "" << 2;
        QTest::newRow("with a dot") << key("silence.ceiling")
                                    << "silence.ceiling: write silence: {ceiling: ...}"
                                    << "" << 2;
        QTest::newRow("with two dots")
            << key("deep.er.still") << "deep.er.still: write deep: {er: {still: ...}}"
            << "" << 2;
        QTest::newRow("with a dot in a group")
            << Value::map({{"name", {1, 1}, plain("x", 1, 7)},
                           {"deep", {2, 1}, Value::map({{"er.still", {3, 3}, plain("1", 3, 9)}})}})
            << "deep.er.still: write er: {still: ...}"
            << "" << 3;
        QTest::newRow("misspelt group") << key("silense") << "silense: no such option"
                                        << "silence" << 2;
    }

    void saysWhatIsWrongInAGroup()
    {
        QFETCH(Value, map);
        QFETCH(QString, message);
        Grouped members;

        const OptionErrors errors = members.options().apply(map);

        QCOMPARE(texts(errors), QStringList(message));
        QTEST(errors[0].suggestion, "suggestion");
        QTEST(errors[0].place.line, "line");
        QCOMPARE(members.ceiling, std::chrono::minutes(1));
    }

    void requiresWhatIsInAGroup_data()
    {
        QTest::addColumn<Value>("map");
        QTest::addColumn<QStringList>("messages");
        QTest::addColumn<int>("line"); // of the first
        const auto group = [](const QString &key) {
            return Value::map({{"to", {2, 1}, Value::map({{key, {3, 3}, plain("x", 3, 9)}}, {2, 5})}},
                              {1, 1});
        };
        const QString missing = QStringLiteral("to.host: is required: Where to.");

        QTest::newRow("given") << group("host") << QStringList() << 0;
        QTest::newRow("no group") << Value::map({}, {1, 1}) << QStringList(missing) << 1;
        QTest::newRow("not in the group") << group("port") << QStringList(missing) << 2;
        QTest::newRow("misspelt") << group("hsot") << QStringList("to.hsot: no such option") << 3;
        QTest::newRow("no map") << mapOf("to", plain("x", 2, 5))
                                << QStringList("to: expected a map such as {host: db.example}, got 'x'") << 0;
        QTest::newRow("with a dot") << mapOf("to.host", plain("x"))
                                    << QStringList("to.host: write to: {host: ...}") << 0;
    }

    void requiresWhatIsInAGroup()
    {
        QFETCH(Value, map);
        QFETCH(QStringList, messages);
        QString host;
        QString port;
        const OptionList options{Option("to.host", host, "Where to.").required().example("db.example"),
                                 Option("to.port", port, "Which.")};

        const OptionErrors errors = options.apply(map);

        QCOMPARE(texts(errors), messages);
        if (!errors.isEmpty())
            QTEST(errors[0].place.line, "line");
    }

    void leavesGroupsOfOthersAlone()
    {
        int rows = 1;
        const OptionList options{Option("batch.rows", rows, "R.")};
        const Value map = Value::fromVariant(
            QVariantMap{{"queue", QVariantMap{{"rows", 5}}}, {"batch", QVariantMap{{"rows", 2}}}});

        QCOMPARE(texts(options.apply(map, {QStringLiteral("queue")})), QStringList());
        QCOMPARE(rows, 2);
    }

    void aNameIsAnOptionOrAGroup()
    {
        int a = 1;
        int b = 2;
        QVERIFY((OptionList{Option("ab", a, "A."), Option("a.b", b, "B.")}.checkNames()));

        const auto checked = OptionList{Option("a.b", b, "B."), Option("a", a, "A.")}.checkNames();

        QVERIFY(!checked);
        QCOMPARE(checked.error().message,
                 "the option 'a' is a value and, with 'a.b', also a group: rename one of them");
    }

    void readsVariants()
    {
        const Value value = Value::fromVariant(QVariantMap{{"list", QVariantList{1, "two", 2.5, true}},
                                                           {"map", QVariantMap{{"deep", "x"}}},
                                                           {"none", QVariant()}});

        QCOMPARE(value.kind(), Value::Kind::Map);
        const Value *list = value.find("list");
        QVERIFY(list);
        QCOMPARE(list->items().size(), 4);
        QCOMPARE(list->items()[2].text(), "2.5");
        QCOMPARE(list->items()[3].text(), "true");
        QCOMPARE(value.find("map")->find("deep")->text(), "x");
        QVERIFY(value.find("none")->isNull());
        QVERIFY(!value.find("missing"));
    }
};

QTEST_GUILESS_MAIN(tst_Option)

#include "tst_option.moc"
