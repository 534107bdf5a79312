// SPDX-License-Identifier: Apache-2.0
#include <tidemill/option.h>

#include <algorithm>

namespace tidemill {

namespace {

constexpr auto mask = "***";

// Edit distance with neighbouring letters swapped as one step: the commonest slip.
int distance(const QString &a, const QString &b)
{
    QList<QList<int>> cost(a.size() + 1, QList<int>(b.size() + 1, 0));
    for (int i = 0; i <= a.size(); ++i) {
        for (int j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            const bool same = a[i - 1].toCaseFolded() == b[j - 1].toCaseFolded();
            cost[i][j] =
                std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (same ? 0 : 1)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    }
    return cost[a.size()][b.size()];
}

Error outOfBounds(const QString &bound)
{
    return {Error::Kind::Config, bound};
}

// A number, duration or size as the number its bounds are given in. Only called on text the member's type
// accepted.
double comparable(const QString &typeName, const Value &value)
{
    std::chrono::milliseconds duration{};
    ByteSize size;
    if (typeName == QLatin1String("duration") && detail::assignOption(duration, value))
        return double(duration.count());
    if (typeName == QLatin1String("size") && detail::assignOption(size, value))
        return double(size.bytes);
    return value.text().toDouble();
}

} // namespace

QString nearestName(const QString &name, const QStringList &candidates)
{
    QString best;
    // A third of the letters may be wrong; more than that is another word. One letter is too little to go by.
    if (name.size() < 2 || name.size() > 64)
        return best;
    int bestDistance = std::max<int>(1, int(name.size()) / 3) + 1;
    for (const QString &candidate : candidates) {
        int found = distance(name, candidate);
        // Cut short, or not finished: "sourc", "sym".
        if (name.size() >= 3 && candidate.startsWith(name, Qt::CaseInsensitive))
            found = std::min(found, 1);
        if (found < bestDistance) {
            best = candidate;
            bestDistance = found;
        }
    }
    return best;
}

QString OptionError::toString() const
{
    return path.isEmpty() ? message : path + QLatin1String(": ") + message;
}

Option::Option(const char *name, const char *help, const QString &typeName, const QString &defaultText,
               Assign assign)
    : m_name(QLatin1String(name))
    , m_help(QString::fromUtf8(help))
    , m_typeName(typeName)
    , m_defaultText(defaultText)
    , m_assign(std::move(assign))
{}

Option &Option::required()
{
    m_required = true;
    return *this;
}

Option &Option::secret()
{
    m_secret = true;
    if (!m_defaultText.isEmpty())
        m_defaultText = QLatin1String(mask);
    return *this;
}

Option &Option::atLeast(double minimum)
{
    m_minimum = minimum;
    return *this;
}

Option &Option::atMost(double maximum)
{
    m_maximum = maximum;
    return *this;
}

Option &Option::oneOf(const QStringList &choices)
{
    m_choices = choices;
    return *this;
}

Option &Option::notEmpty()
{
    m_notEmpty = true;
    return *this;
}

Option &Option::example(const char *text)
{
    m_example = QString::fromUtf8(text);
    return *this;
}

Result<> Option::assignChoice(const QStringList &choices, const Value &value,
                              const std::function<void(int)> &set)
{
    const qsizetype index = value.kind() == Value::Kind::Scalar ? choices.indexOf(value.text()) : -1;
    if (index < 0)
        return Error{Error::Kind::Config, QStringLiteral("expected one of %1, got %2")
                                              .arg(choices.join(QLatin1String(", ")), value.description())};
    set(int(index));
    return {};
}

Result<> Option::checkBounds(const Value &value) const
{
    if (m_notEmpty && value.kind() == Value::Kind::List && value.items().isEmpty())
        return outOfBounds(QStringLiteral("must not be empty"));
    if (m_notEmpty && value.kind() == Value::Kind::Scalar && value.text().isEmpty())
        return outOfBounds(QStringLiteral("must not be empty"));
    if (!m_choices.isEmpty()) {
        for (const Value &item : value.kind() == Value::Kind::List ? value.items() : QList<Value>{value}) {
            if (const auto chosen = assignChoice(m_choices, item, [](int) {}); !chosen)
                return chosen.error();
        }
    }
    if (!m_minimum && !m_maximum)
        return {};
    // As text, so that "at least 250ms" reads as it was meant.
    const auto print = [this](double bound) {
        if (m_typeName == QLatin1String("duration"))
            return detail::printOption(std::chrono::milliseconds(qint64(bound)));
        if (m_typeName == QLatin1String("size"))
            return detail::printOption(ByteSize{qint64(bound)});
        return QString::number(bound, 'g', 15);
    };
    const double number = comparable(m_typeName, value);
    if (m_minimum && number < *m_minimum)
        return outOfBounds(QStringLiteral("must be at least %1").arg(print(*m_minimum)));
    if (m_maximum && number > *m_maximum)
        return outOfBounds(QStringLiteral("must be at most %1").arg(print(*m_maximum)));
    return {};
}

Result<> Option::assign(const Value &value) const
{
    auto result = m_assign(value);
    if (result)
        result = checkBounds(value);
    if (!result && m_secret)
        return Error{
            Error::Kind::Config,
            QStringLiteral("expected %1, got something else (not shown: it is a secret)").arg(m_typeName)};
    return result;
}

} // namespace tidemill
