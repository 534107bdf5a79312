// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/decimal.h>
#include <tidemill/result.h>
#include <tidemill/value.h>

#include <QStringList>

#include <chrono>
#include <functional>
#include <optional>

namespace tidemill {

// What is wrong with one option, and where.
struct OptionError
{
    QString path;       // "min_notional", "tables.prices.columns.wap"
    QString message;    // "expected a number, got 'lots'"
    QString suggestion; // the key that may have been meant; empty if none is near
    Place place;

    // "min_notional: expected a number, got 'lots'"
    TIDEMILL_SDK_EXPORT QString toString() const;
};

using OptionErrors = QList<OptionError>;

// A size in bytes, written as 4096, 64KiB, 1MB.
struct ByteSize
{
    qint64 bytes = 0;
    friend auto operator<=>(ByteSize, ByteSize) = default;
};

namespace detail {

// What an option can be bound to: parse into the member, print its value, name its type for a person.
#define TIDEMILL_OPTION_TYPE(Type)                                               \
    TIDEMILL_SDK_EXPORT Result<> assignOption(Type &member, const Value &value); \
    TIDEMILL_SDK_EXPORT QString printOption(const Type &member);                 \
    TIDEMILL_SDK_EXPORT QString optionTypeName(const Type &member);
TIDEMILL_OPTION_TYPE(bool)
TIDEMILL_OPTION_TYPE(int)
TIDEMILL_OPTION_TYPE(qint64)
TIDEMILL_OPTION_TYPE(double)
TIDEMILL_OPTION_TYPE(Decimal)
TIDEMILL_OPTION_TYPE(QString)
TIDEMILL_OPTION_TYPE(QStringList)
TIDEMILL_OPTION_TYPE(std::chrono::milliseconds)
TIDEMILL_OPTION_TYPE(ByteSize)
TIDEMILL_OPTION_TYPE(Value)
#undef TIDEMILL_OPTION_TYPE

} // namespace detail

// One option of a node, bound to the member that holds it. The member's initializer is the default, its type
// says what may be written: bool, qint64, int, double, Decimal, QString, QStringList,
// std::chrono::milliseconds ("250ms", "5s", "1m30s", "2h"), ByteSize ("64MiB"), an enum (with choices()), or
// Value (anything; validate() checks it). A dot in the name makes a group, which is a map in a file:
// "silence.floor" is written silence: {floor: 2s}.
class TIDEMILL_SDK_EXPORT Option
{
public:
    template<typename T>
    Option(const char *name, T &member, const char *help)
        : Option(name, help, detail::optionTypeName(member), detail::printOption(member),
                 [&member](const Value &value) { return detail::assignOption(member, value); })
    {}

    // An enum member: the word in the file for each of its values, in order from 0.
    template<typename E>
    requires std::is_enum_v<E> Option(const char *name, E &member, const char *help,
                                      const QStringList &choices)
        : Option(name, help, QStringLiteral("text"), choices.value(int(member)),
                 [&member, choices](const Value &value) {
                     return assignChoice(choices, value, [&member](int index) { member = E(index); });
                 })
    {
        m_choices = choices;
    }

    Option &required();
    // Never printed, logged or exported; shown as ***. Mostly given as ${NAME} or ${file:...}.
    Option &secret();
    // Bounds of numbers, durations (in the unit written here: "5s" in milliseconds is 5000) and sizes, both
    // included.
    Option &atLeast(double minimum);
    Option &atMost(double maximum);
    // A text (or each text of a list) must be one of these.
    Option &oneOf(const QStringList &choices);
    // A list must not be empty, a text must not be empty.
    Option &notEmpty();
    // For the reference and its readers.
    Option &example(const char *text);

    const QString &name() const { return m_name; }
    const QString &help() const { return m_help; }
    const QString &typeName() const { return m_typeName; }
    const QString &defaultText() const { return m_defaultText; } // "" if there is none; "***" for a secret
    const QString &exampleText() const { return m_example; }
    const QStringList &choices() const { return m_choices; }
    std::optional<double> minimum() const { return m_minimum; }
    std::optional<double> maximum() const { return m_maximum; }
    bool isRequired() const { return m_required; }
    bool isSecret() const { return m_secret; }
    bool mustNotBeEmpty() const { return m_notEmpty; }

    // Sets the member. The message says what was expected and what came, never a secret's text.
    Result<> assign(const Value &value) const;

private:
    using Assign = std::function<Result<>(const Value &)>;
    Option(const char *name, const char *help, const QString &typeName, const QString &defaultText,
           Assign assign);
    static Result<> assignChoice(const QStringList &choices, const Value &value,
                                 const std::function<void(int)> &set);
    Result<> checkBounds(const Value &value) const;

    QString m_name;
    QString m_help;
    QString m_typeName;
    QString m_defaultText;
    QString m_example;
    QStringList m_choices;
    std::optional<double> m_minimum;
    std::optional<double> m_maximum;
    bool m_required = false;
    bool m_secret = false;
    bool m_notEmpty = false;
    Assign m_assign;
};

class TIDEMILL_SDK_EXPORT OptionList : public QList<Option>
{
public:
    OptionList() = default;
    OptionList(std::initializer_list<Option> options) : QList(options) {}
    OptionList operator+(const OptionList &other) const;

    // An error if nobody could write these options: "a" beside "a.b" would make a both a value and a map. The
    // fault of who lists them, not of who writes a file.
    Result<> checkNames() const;

    // Sets all members from a map and says everything that is wrong with it: unknown keys (with the nearest
    // known one), missing required ones, wrong types and bounds, groups that are no maps. `ignored` names
    // keys of the map that belong to somebody else.
    OptionErrors apply(const Value &map, const QStringList &ignored = {}) const;
};

// The candidate that was probably meant; empty if none is near. For every "did you mean" of the product.
TIDEMILL_SDK_EXPORT QString nearestName(const QString &name, const QStringList &candidates);

} // namespace tidemill
