// SPDX-License-Identifier: Apache-2.0
// What may be written for each type of option.

#include "option_values.h"

#include <QTest>

using namespace tidemill;
using namespace std::chrono_literals;

namespace {

enum class Mode { Fast, Slow };

// A member of every type, each with a default.
struct Members
{
    bool flag = true;
    int small = 5;
    qint64 whole = 6;
    double real = 0.5;
    Decimal price = "1.50"_dec;
    QString text = QStringLiteral("default");
    QStringList list{QStringLiteral("a"), QStringLiteral("b")};
    std::chrono::milliseconds time = 90s;
    ByteSize size{64 * 1024};
    Mode mode = Mode::Slow;
    Value anything;

    OptionList options()
    {
        return {
            Option("flag", flag, "A flag."),
            Option("small", small, "A small number."),
            Option("whole", whole, "A whole number."),
            Option("real", real, "A number."),
            Option("price", price, "A price."),
            Option("text", text, "A text."),
            Option("list", list, "Texts."),
            Option("time", time, "A time."),
            Option("size", size, "A size."),
            Option("mode", mode, "A mode.", {QStringLiteral("fast"), QStringLiteral("slow")}),
            Option("anything", anything, "Anything."),
        };
    }

    // All members as text, to see what an option did.
    QString state() const
    {
        return QStringList{flag ? QStringLiteral("true") : QStringLiteral("false"),
                           QString::number(small),
                           QString::number(whole),
                           QString::number(real),
                           QString::fromLatin1(price.toString()),
                           text,
                           list.join(QLatin1Char('+')),
                           QString::number(time.count()),
                           QString::number(size.bytes),
                           mode == Mode::Fast ? QStringLiteral("fast") : QStringLiteral("slow"),
                           anything.description()}
            .join(QLatin1Char(' '));
    }
};

} // namespace

Q_DECLARE_METATYPE(tidemill::Value)

class tst_OptionTypes : public QObject
{
    Q_OBJECT

private slots:
    void takes_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<Value>("value");
        QTest::addColumn<QString>("expected"); // printed as an option's default would be

        const auto row = [](const char *name, const QString &text, const QString &expected) {
            QTest::addRow("%s %s", name, qPrintable(text))
                << QString::fromLatin1(name) << plain(text) << expected;
        };
        row("flag", "false", "false");
        row("flag", "true", "true");
        row("small", "0", "0");
        row("small", "-2147483648", "-2147483648");
        row("whole", "9223372036854775807", "9223372036854775807");
        row("real", "2", "2");
        row("real", "-1.5e3", "-1500");
        row("real", "1e-3", "0.001");
        row("price", "61234.020", "61234.020");
        row("price", "1e2", "100");
        row("text", "true", "true");
        row("text", "007", "007");
        row("time", "250ms", "250ms");
        row("time", "5s", "5s");
        row("time", "1m30s", "90s");
        row("time", "2h", "2h");
        row("time", "48h", "2d");
        row("time", "1d12h", "36h");
        row("time", "0s", "0ms");
        row("size", "4096", "4KiB");
        row("size", "0", "0B");
        row("size", "100B", "100B");
        row("size", "64KiB", "64KiB");
        row("size", "1MB", "1MB");
        row("size", "1kB", "1kB");
        row("size", "3GiB", "3GiB");
        row("mode", "fast", "fast");
        QTest::newRow("quoted text") << "text" << quoted("5") << "5";
        QTest::newRow("empty text") << "text" << quoted("") << "";
        QTest::newRow("list") << "list" << listOf({"x", "y", "z"}) << "[x, y, z]";
        QTest::newRow("empty list") << "list" << listOf({}) << "";
        QTest::newRow("list as the environment has it")
            << "list" << plain(QStringLiteral("[\"x\", \"y\"]")) << "[x, y]";
        QTest::newRow("a list, between commas") << "list" << plain(QStringLiteral("x, y")) << "[x, y]";
    }

    void takes()
    {
        QFETCH(QString, name);
        QFETCH(Value, value);
        QFETCH(QString, expected);
        Members members;

        const OptionErrors errors = members.options().apply(mapOf(name, value));

        QCOMPARE(texts(errors), QStringList());
        // The members' values are the defaults of options made from them now.
        for (const Option &option : members.options()) {
            if (option.name() == name)
                QCOMPARE(option.defaultText(), expected);
        }
    }

    void takesAnything_data()
    {
        QTest::addColumn<Value>("value");
        QTest::addColumn<QString>("expected");
        QTest::newRow("number") << plain("5") << "'5'";
        QTest::newRow("quoted") << quoted("5") << "the text '5'";
        QTest::newRow("list") << listOf({"a"}) << "a list";
        QTest::newRow("map") << mapOf("a", plain("b")) << "a map";
        QTest::newRow("nothing") << Value() << "nothing";
    }

    void takesAnything()
    {
        QFETCH(Value, value);
        QFETCH(QString, expected);
        Members members;

        QCOMPARE(texts(members.options().apply(mapOf("anything", value))), QStringList());
        QCOMPARE(members.anything.description(), expected);
    }

    void refuses_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<Value>("value");
        QTest::addColumn<QString>("message");

        const auto row = [](const char *name, const QString &text, const QString &message) {
            QTest::addRow("%s %s", name, qPrintable(text))
                << QString::fromLatin1(name) << plain(text) << message;
        };
        row("flag", "yes", "expected true or false, got 'yes'");
        row("flag", "True", "expected true or false, got 'True'");
        row("flag", "1", "expected true or false, got '1'");
        row("small", "5.0", "expected a whole number, got '5.0'");
        row("small", "five", "expected a whole number, got 'five'");
        row("small", "", "expected a whole number, got ''");
        row("small", "+5", "expected a whole number, got '+5'");
        row("small", " 5", "expected a whole number, got ' 5'");
        row("small", "1e3", "expected a whole number, got '1e3'");
        row("small", "2147483648", "expected a whole number of 32 bits, got '2147483648'");
        row("small", "0x10", "expected a whole number, got '0x10'");
        row("small", "010",
            "expected a whole number, got '010', which some read as octal: write it without the leading 0");
        row("whole", "9223372036854775808", "expected a whole number, got '9223372036854775808'");
        row("whole", "٥", "expected a whole number, got '٥'");
        row("real", "lots", "expected a number, got 'lots'");
        row("real", "nan", "expected a number, got 'nan'");
        row("real", "inf", "expected a number, got 'inf'");
        row("real", "1,5", "expected a number, got '1,5'");
        row("real", "1e999", "expected a number, got '1e999'");
        row("price", ".5", "expected a decimal number, got '.5'");
        row("price", "99999999999999999999.5", "expected a decimal number, got '99999999999999999999.5'");
        row("time", "5", "expected a duration such as '250ms', '5s' or '1m30s', got '5'");
        row("time", "soon", "expected a duration such as '250ms', '5s' or '1m30s', got 'soon'");
        row("time", "5 s", "expected a duration such as '250ms', '5s' or '1m30s', got '5 s'");
        row("time", "5s.", "expected a duration such as '250ms', '5s' or '1m30s', got '5s.'");
        row("time", "-5s", "expected a duration such as '250ms', '5s' or '1m30s', got '-5s'");
        row("time", "1.5s", "expected a duration such as '250ms', '5s' or '1m30s', got '1.5s'");
        row("time", "5S", "expected a duration such as '250ms', '5s' or '1m30s', got '5S'");
        row("time", "999999999999999999d",
            "expected a duration such as '250ms', '5s' or '1m30s', got '999999999999999999d'");
        row("size", "-1", "expected a size such as '64KiB' or '1MB', got '-1'");
        row("size", "1.5MB", "expected a size such as '64KiB' or '1MB', got '1.5MB'");
        row("size", "1mb", "expected a size such as '64KiB' or '1MB', got '1mb'");
        row("size", "9999999999GiB", "expected a size such as '64KiB' or '1MB', got '9999999999GiB'");
        row("mode", "medium", "expected one of fast, slow, got 'medium'");
        row("mode", "Fast", "expected one of fast, slow, got 'Fast'");
        row("list", "a", "expected a list of texts, got 'a'");
        row("list", "[]", "expected a list of texts that is not empty, got '[]'");
        row("list", "[a]", "expected a list of texts that is not empty, got '[a]'");
        row("list", "[1]", "expected a list of texts, got '[1]'");
        QTest::newRow("quoted flag") << "flag" << quoted("true")
                                     << "expected true or false, got the text 'true'";
        QTest::newRow("quoted number")
            << "small" << quoted("5") << "expected a whole number, got the text '5'";
        QTest::newRow("quoted time")
            << "time" << quoted("5s")
            << "expected a duration such as '250ms', '5s' or '1m30s', got the text '5s'";
        QTest::newRow("list for a number")
            << "small" << listOf({"5"}) << "expected a whole number, got a list";
        QTest::newRow("list for a text") << "text" << listOf({"5"}) << "expected a text, got a list";
        QTest::newRow("list for a choice")
            << "mode" << listOf({"fast"}) << "expected one of fast, slow, got a list";
        QTest::newRow("map for a text") << "text" << mapOf("a", plain("b")) << "expected a text, got a map";
        QTest::newRow("nothing for a text") << "text" << Value() << "expected a text, got nothing";
        QTest::newRow("nothing for a number") << "small" << Value() << "expected a whole number, got nothing";
        QTest::newRow("nothing for a list") << "list" << Value() << "expected a list of texts, got nothing";
        QTest::newRow("list in a list")
            << "list" << Value::list({plain("a"), listOf({"b"})}) << "expected a list of texts, got a list";
        QTest::newRow("long text is cut") << "small" << plain(QString(1000, 'x'))
                                          << "expected a whole number, got '" + QString(80, 'x') + "'";
    }

    void refuses()
    {
        QFETCH(QString, name);
        QFETCH(Value, value);
        QFETCH(QString, message);
        Members members;
        const QString before = members.state();

        const OptionErrors errors = members.options().apply(mapOf(name, value));

        QCOMPARE(texts(errors), QStringList(name + ": " + message));
        QCOMPARE(members.state(), before);
    }

    void describesItself()
    {
        Members members;
        const OptionList options = members.options();
        QStringList described;
        for (const Option &option : options)
            described.append(option.name() + ' ' + option.typeName() + ' ' + option.defaultText());

        QCOMPARE(described, (QStringList{"flag bool true", "small integer 5", "whole integer 6",
                                         "real number 0.5", "price decimal 1.50", "text text default",
                                         "list list of texts [a, b]", "time duration 90s", "size size 64KiB",
                                         "mode text slow", "anything map or list "}));
        QCOMPARE(options[9].choices(), (QStringList{"fast", "slow"}));
        QCOMPARE(options[0].help(), "A flag.");
        int number = 1;
        const Option bounded = Option("n", number, "N.").atLeast(1).atMost(2).required().example("2");
        QCOMPARE(bounded.minimum(), std::optional(1.0));
        QCOMPARE(bounded.maximum(), std::optional(2.0));
        QVERIFY(bounded.isRequired());
        QCOMPARE(bounded.exampleText(), "2");
    }
};

QTEST_GUILESS_MAIN(tst_OptionTypes)

#include "tst_option_types.moc"
