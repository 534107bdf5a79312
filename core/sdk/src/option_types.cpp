// SPDX-License-Identifier: Apache-2.0
#include <tidemill/option.h>

#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>

#include <array>
#include <charconv>
#include <cmath>

// What may be written for each type of option. Strict: a quoted "5" is text and "yes" is no boolean, because
// whoever wrote it may have meant something else.

namespace tidemill::detail {

namespace {

Error expected(const char *what, const Value &value)
{
    return {Error::Kind::Config,
            QStringLiteral("expected %1, got %2").arg(QLatin1String(what), value.description())};
}

bool isPlain(const Value &value)
{
    return value.kind() == Value::Kind::Scalar && !value.isQuoted();
}

// The whole text as a number, or nothing.
template<typename T>
std::optional<T> number(const QString &text)
{
    const QByteArray bytes = text.toLatin1();
    T result{};
    const auto [stop, error] = std::from_chars(bytes.begin(), bytes.end(), result);
    if (error != std::errc() || stop != bytes.end())
        return std::nullopt;
    return result;
}

struct Unit
{
    const char *name;
    qint64 factor;
};

constexpr std::array<Unit, 5> durationUnits{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 7> sizeUnits{{{"B", 1},
                                         {"kB", 1000},
                                         {"KiB", 1 << 10},
                                         {"MB", 1'000'000},
                                         {"MiB", 1 << 20},
                                         {"GB", 1'000'000'000},
                                         {"GiB", 1 << 30}}};

template<std::size_t N>
std::optional<qint64> factorOf(const std::array<Unit, N> &units, const QString &name)
{
    for (const Unit &unit : units) {
        if (name == QLatin1String(unit.name))
            return unit.factor;
    }
    return std::nullopt;
}

// "1m30s": numbers with units, one after the other, none left over and nothing between.
template<std::size_t N>
std::optional<qint64> sumOfUnits(const std::array<Unit, N> &units, const QString &text)
{
    static const QRegularExpression part(QStringLiteral("\\G(\\d{1,18})([A-Za-z]+)"));
    qint64 total = 0;
    qsizetype end = 0;
    for (auto match = part.globalMatch(text); match.hasNext();) {
        const auto found = match.next();
        const auto factor = factorOf(units, found.captured(2));
        qint64 amount = 0;
        if (!factor || __builtin_mul_overflow(found.captured(1).toLongLong(), *factor, &amount) ||
            __builtin_add_overflow(total, amount, &total))
            return std::nullopt;
        end = found.capturedEnd();
    }
    return end == text.size() && end > 0 ? std::optional(total) : std::nullopt;
}

// The largest unit that leaves no rest, so that a default reads as a person would write it.
template<std::size_t N>
QString withUnit(const std::array<Unit, N> &units, qint64 amount, QLatin1String smallest)
{
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
        if (amount != 0 && amount % unit->factor == 0)
            return QString::number(amount / unit->factor) + QLatin1String(unit->name);
    }
    return QString::number(amount) + smallest;
}

} // namespace

Result<> assignOption(bool &member, const Value &value)
{
    if (!isPlain(value) || (value.text() != QLatin1String("true") && value.text() != QLatin1String("false")))
        return expected("true or false", value);
    member = value.text() == QLatin1String("true");
    return {};
}

Result<> assignOption(qint64 &member, const Value &value)
{
    static const QRegularExpression octalLookAlike(QStringLiteral("^-?0\\d+$"));
    if (isPlain(value) && octalLookAlike.match(value.text()).hasMatch())
        return Error{
            Error::Kind::Config,
            QStringLiteral(
                "expected a whole number, got '%1', which some read as octal: write it without the leading 0")
                .arg(value.text())};
    const auto parsed = isPlain(value) ? number<qint64>(value.text()) : std::nullopt;
    if (!parsed)
        return expected("a whole number", value);
    member = *parsed;
    return {};
}

Result<> assignOption(int &member, const Value &value)
{
    qint64 wide = 0;
    if (const auto assigned = assignOption(wide, value); !assigned)
        return assigned.error();
    if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max())
        return expected("a whole number of 32 bits", value);
    member = int(wide);
    return {};
}

Result<> assignOption(double &member, const Value &value)
{
    const auto parsed = isPlain(value) ? number<double>(value.text()) : std::nullopt;
    if (!parsed || !std::isfinite(*parsed))
        return expected("a number", value);
    member = *parsed;
    return {};
}

Result<> assignOption(Decimal &member, const Value &value)
{
    const auto parsed = isPlain(value) ? Decimal::parse(value.text().toLatin1()) : std::nullopt;
    if (!parsed)
        return expected("a decimal number", value);
    member = *parsed;
    return {};
}

Result<> assignOption(QString &member, const Value &value)
{
    if (value.kind() != Value::Kind::Scalar)
        return expected("a text", value);
    member = value.text();
    return {};
}

Result<> assignOption(QStringList &member, const Value &value)
{
    // As the environment has it: NAMES='["a","b"]'.
    if (isPlain(value) && value.text().startsWith(QLatin1Char('['))) {
        const QJsonDocument written = QJsonDocument::fromJson(value.text().toUtf8());
        QStringList texts;
        for (const QJsonValue &item : written.array()) {
            if (!item.isString())
                return expected("a list of texts", value);
            texts.append(item.toString());
        }
        if (texts.isEmpty())
            return expected("a list of texts that is not empty", value);
        member = texts;
        return {};
    }
    // Or so: NAMES=a,b. A text without a comma is no list, so that a forgotten '[' is not one by luck.
    if (isPlain(value) && value.text().contains(QLatin1Char(','))) {
        QStringList texts = value.text().split(QLatin1Char(','));
        for (QString &text : texts)
            text = text.trimmed();
        if (texts.contains(QString()))
            return expected("a list of texts with something between the commas", value);
        member = texts;
        return {};
    }
    if (value.kind() != Value::Kind::List)
        return expected("a list of texts", value);
    QStringList texts;
    for (const Value &item : value.items()) {
        if (item.kind() != Value::Kind::Scalar)
            return expected("a list of texts", item);
        texts.append(item.text());
    }
    member = texts;
    return {};
}

Result<> assignOption(std::chrono::milliseconds &member, const Value &value)
{
    const auto parsed = isPlain(value) ? sumOfUnits(durationUnits, value.text()) : std::nullopt;
    if (!parsed)
        return expected("a duration such as '250ms', '5s' or '1m30s'", value);
    member = std::chrono::milliseconds(*parsed);
    return {};
}

Result<> assignOption(ByteSize &member, const Value &value)
{
    auto parsed = isPlain(value) ? number<qint64>(value.text()) : std::nullopt;
    if (!parsed && isPlain(value))
        parsed = sumOfUnits(sizeUnits, value.text());
    if (!parsed || *parsed < 0)
        return expected("a size such as '64KiB' or '1MB'", value);
    member = {*parsed};
    return {};
}

Result<> assignOption(Value &member, const Value &value)
{
    member = value;
    return {};
}

// clang-format off
QString printOption(const bool &member) { return member ? QStringLiteral("true") : QStringLiteral("false"); }
QString printOption(const int &member) { return QString::number(member); }
QString printOption(const qint64 &member) { return QString::number(member); }
QString printOption(const double &member) { return QString::number(member); }
QString printOption(const Decimal &member) { return QString::fromLatin1(member.toString()); }
QString printOption(const QString &member) { return member; }
QString printOption(const QStringList &member) { return member.isEmpty() ? QString() : QLatin1Char('[') + member.join(QLatin1String(", ")) + QLatin1Char(']'); }
QString printOption(const std::chrono::milliseconds &member) { return withUnit(durationUnits, member.count(), QLatin1String("ms")); }
QString printOption(const ByteSize &member) { return withUnit(sizeUnits, member.bytes, QLatin1String("B")); }
QString printOption(const Value &) { return {}; }

QString optionTypeName(const bool &) { return QStringLiteral("bool"); }
QString optionTypeName(const int &) { return QStringLiteral("integer"); }
QString optionTypeName(const qint64 &) { return QStringLiteral("integer"); }
QString optionTypeName(const double &) { return QStringLiteral("number"); }
QString optionTypeName(const Decimal &) { return QStringLiteral("decimal"); }
QString optionTypeName(const QString &) { return QStringLiteral("text"); }
QString optionTypeName(const QStringList &) { return QStringLiteral("list of texts"); }
QString optionTypeName(const std::chrono::milliseconds &) { return QStringLiteral("duration"); }
QString optionTypeName(const ByteSize &) { return QStringLiteral("size"); }
QString optionTypeName(const Value &) { return QStringLiteral("map or list"); }
// clang-format on

} // namespace tidemill::detail
