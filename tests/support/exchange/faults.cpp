// SPDX-License-Identifier: Apache-2.0
#include "faults.h"

#include "tape.h"

#include <QStringList>

namespace tidemill::exchange {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds defaultDuration = 10s;

struct Form
{
    const char *name;
    Fault::Kind kind;
    const char *usage;
};

constexpr Form forms[] = {
    {"close", Fault::Close, "close:CODE"},
    {"abort", Fault::Abort, "abort"},
    {"refuse", Fault::Refuse, "refuse:DURATION"},
    {"status", Fault::Status, "status:CODE[:RETRY_AFTER][:DURATION]"},
    {"silence", Fault::Silence, "silence:DURATION[:SYMBOL]"},
    {"nopong", Fault::NoPong, "nopong[:DURATION]"},
    {"gap", Fault::Gap, "gap:N[:STREAM]"},
    {"repeat", Fault::Repeat, "repeat:N[:STREAM]"},
    {"corrupt", Fault::Corrupt, "corrupt:N[:STREAM]"},
    {"serverShutdown", Fault::ServerShutdown, "serverShutdown[:DELAY]"},
    {"rest", Fault::Rest, "rest:CODE[:RETRY_AFTER][:DURATION][:PATH]"},
    {"slow", Fault::Slow, "slow:DELAY[:DURATION][:PATH]"},
    {"truncate", Fault::Truncate, "truncate:N"},
    {"stale", Fault::Stale, "stale:N"},
};

// Takes the next part off `parts` if it is a number (a duration): absent ones leave the default.
bool takeNumber(QStringList &parts, int &value)
{
    bool fine = false;
    const int number = parts.isEmpty() ? 0 : parts.first().toInt(&fine);
    if (!fine || number < 0)
        return false;
    value = number;
    parts.removeFirst();
    return true;
}

bool takeDuration(QStringList &parts, milliseconds &value)
{
    const auto duration = parts.isEmpty() ? std::nullopt : parseDuration(parts.first());
    if (!duration)
        return false;
    value = *duration;
    parts.removeFirst();
    return true;
}

bool readParts(Fault &fault, QStringList &parts)
{
    fault.duration = defaultDuration;
    switch (fault.kind) {
    case Fault::Close:
    case Fault::Truncate:
    case Fault::Stale:
        return takeNumber(parts, fault.number);
    case Fault::Abort:
        return true;
    case Fault::Refuse:
        return takeDuration(parts, fault.duration);
    case Fault::Silence:
        if (!takeDuration(parts, fault.duration))
            return false;
        fault.target = parts.isEmpty() ? QByteArray() : parts.takeFirst().toUtf8();
        return true;
    case Fault::NoPong:
        takeDuration(parts, fault.duration);
        return true;
    case Fault::Status:
    case Fault::Rest:
        if (!takeNumber(parts, fault.number) || fault.number < 300 || fault.number > 599)
            return false;
        takeNumber(parts, fault.retryAfter);
        takeDuration(parts, fault.duration);
        if (fault.kind == Fault::Rest && !parts.isEmpty())
            fault.target = parts.takeFirst().toUtf8();
        return true;
    case Fault::Gap:
    case Fault::Repeat:
    case Fault::Corrupt:
        if (!takeNumber(parts, fault.number))
            return false;
        fault.stream = parts.isEmpty() ? QByteArray() : parts.takeFirst().toUtf8();
        return true;
    case Fault::ServerShutdown:
        fault.delay = 500ms;
        takeDuration(parts, fault.delay);
        return true;
    case Fault::Slow:
        if (!takeDuration(parts, fault.delay))
            return false;
        takeDuration(parts, fault.duration);
        fault.target = parts.isEmpty() ? QByteArray() : parts.takeFirst().toUtf8();
        return true;
    }
    return false;
}

bool isNumbered(const QByteArray &stream)
{
    const QByteArray channel = channelOfStream(stream);
    return channel == "trade" || channel == "aggTrade" || channel == "matches" ||
           channel == "market_trades" || channel == "level2" || channel.startsWith("book-") ||
           isDepthDifference(stream);
}

} // namespace

std::optional<milliseconds> parseDuration(const QString &text)
{
    static constexpr std::pair<const char *, qint64> units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
    for (const auto &[name, factor] : units) {
        const QLatin1String unit(name);
        if (!text.endsWith(unit))
            continue;
        bool fine = false;
        const int count = text.chopped(unit.size()).toInt(&fine);
        if (fine && count >= 0)
            return milliseconds(count * factor);
    }
    return std::nullopt;
}

std::optional<Fault> Fault::parse(const QString &text, QString *error)
{
    QStringList parts = text.split(u':');
    const QString name = parts.takeFirst();
    QStringList usages;
    for (const Form &form : forms) {
        usages.append(QString::fromLatin1(form.usage));
        if (name != QLatin1String(form.name))
            continue;
        Fault fault;
        fault.kind = form.kind;
        if (readParts(fault, parts) && parts.isEmpty())
            return fault;
        *error = QStringLiteral("fault '%1': expected %2").arg(text, usages.last());
        return std::nullopt;
    }
    *error = QStringLiteral("fault '%1': expected one of %2").arg(text, usages.join(u", "));
    return std::nullopt;
}

std::optional<PlannedFault> PlannedFault::parse(const QString &text, QString *error)
{
    // The last '@' is meant: stream names have some of their own.
    const qsizetype at = text.lastIndexOf(u'@');
    QString time = text.mid(at + 1);
    PlannedFault planned;
    if (time.startsWith(u"data+")) {
        planned.afterData = true;
        time = time.mid(5);
    }
    const auto duration = parseDuration(time);
    if (at < 0 || !duration) {
        *error = QStringLiteral("fault '%1': expected SPEC@TIME with a time such as 5s or data+5s").arg(text);
        return std::nullopt;
    }
    const auto fault = Fault::parse(text.left(at), error);
    if (!fault)
        return std::nullopt;
    planned.fault = *fault;
    planned.at = *duration;
    return planned;
}

void FrameMangler::add(const Fault &fault)
{
    m_rules.append({fault, {}});
}

FrameMangler::Rule *FrameMangler::take(const QByteArray &stream, bool corrupt)
{
    for (Rule &rule : m_rules) {
        const QByteArray &only = rule.fault.stream;
        if ((rule.fault.kind == Fault::Corrupt) != corrupt ||
            (only.isEmpty() ? !isNumbered(stream) : only != stream && only != channelOfStream(stream)))
            continue;
        int &done = rule.done[QByteArray(stream.constData(), stream.size())];
        if (done < rule.fault.number) {
            ++done;
            return &rule;
        }
    }
    return nullptr;
}

int FrameMangler::copies(const QByteArray &stream)
{
    const Rule *rule = take(stream, false);
    return !rule ? 1 : rule->fault.kind == Fault::Gap ? 0 : 2;
}

bool FrameMangler::corrupts(const QByteArray &stream)
{
    return take(stream, true) != nullptr;
}

} // namespace tidemill::exchange
