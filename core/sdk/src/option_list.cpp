// SPDX-License-Identifier: Apache-2.0
#include <tidemill/option.h>

#include <algorithm>

namespace tidemill {

namespace {

constexpr QLatin1Char dot('.');

const Option *findOption(const OptionList &options, const QString &name)
{
    const auto found = std::find_if(options.begin(), options.end(),
                                    [&](const Option &option) { return option.name() == name; });
    return found == options.end() ? nullptr : &*found;
}

// The first option "queue.x" for "queue"; nullptr if nothing is in such a group.
const Option *firstOfGroup(const OptionList &options, const QString &group)
{
    const auto found = std::find_if(options.begin(), options.end(), [&](const Option &option) {
        return option.name().startsWith(group + dot);
    });
    return found == options.end() ? nullptr : &*found;
}

// "rows: 65536", as it would be written.
QString sample(const Option &option, const QString &key)
{
    QString value = option.exampleText();
    if (value.isEmpty() && !option.isSecret())
        value = option.defaultText();
    return key + QLatin1String(": ") + (value.isEmpty() ? QStringLiteral("...") : value);
}

// "queue.rows" as "queue: {rows: ...}".
QString asMaps(const QString &dottedKey)
{
    const QStringList keys = dottedKey.split(dot);
    return keys.join(QLatin1String(": {")) + QLatin1String(": ...") +
           QString(keys.size() - 1, QLatin1Char('}'));
}

// Reads one map into options: the outer one, and the maps of its groups.
class MapReader
{
public:
    MapReader(const OptionList &options, const QStringList &ignored) : m_options(options), m_ignored(ignored)
    {}

    OptionErrors read(const Value &map)
    {
        readGroup(map, {});
        for (const Option &option : m_options) {
            if (option.isRequired())
                require(option, map);
        }
        return m_errors;
    }

private:
    void readGroup(const Value &map, const QString &prefix);
    void assign(const Option &option, const Value::Member &member);
    void require(const Option &option, const Value &map);
    QStringList keysOf(const QString &prefix) const;

    const OptionList &m_options;
    const QStringList &m_ignored;
    OptionErrors m_errors;
};

void MapReader::readGroup(const Value &map, const QString &prefix)
{
    for (const Value::Member &member : map.members()) {
        if (prefix.isEmpty() && m_ignored.contains(member.key))
            continue;
        const QString path = prefix + member.key;
        const Option *option = findOption(m_options, path);
        const Option *inner = option ? nullptr : firstOfGroup(m_options, path);
        if (!option && !inner) {
            const QString meant = nearestName(member.key, keysOf(prefix));
            m_errors.append({path, QStringLiteral("no such option"),
                             meant.isEmpty() ? QString() : prefix + meant, member.keyPlace});
        } else if (member.key.contains(dot)) {
            m_errors.append({path, QLatin1String("write ") + asMaps(member.key), {}, member.keyPlace});
        } else if (option) {
            assign(*option, member);
        } else if (member.value.kind() == Value::Kind::Map) {
            readGroup(member.value, path + dot);
        } else {
            m_errors.append(
                {path,
                 QStringLiteral("expected a map such as {%1}, got %2")
                     .arg(sample(*inner, inner->name().mid(path.size() + 1)), member.value.description()),
                 {},
                 member.keyPlace});
        }
    }
}

void MapReader::assign(const Option &option, const Value::Member &member)
{
    const auto assigned = option.assign(member.value);
    if (assigned)
        return;
    // An absent value has no place of its own.
    const auto place = member.value.place().line > 0 ? member.value.place() : member.keyPlace;
    m_errors.append({option.name(), assigned.error().message, {}, place});
}

void MapReader::require(const Option &option, const Value &map)
{
    const Value *value = &map;
    Place place = map.place();
    for (const QString &key : option.name().split(dot)) {
        value = value->find(key);
        if (!value)
            break;
        place = value->place();
    }
    // A required option that was only misspelt, or whose group was, is one mistake and not two.
    const auto isOfThis = [&option](const QString &path) {
        return path == option.name() || (!path.isEmpty() && option.name().startsWith(path + dot));
    };
    const bool isSaid = std::any_of(m_errors.begin(), m_errors.end(), [&](const OptionError &error) {
        return isOfThis(error.path) || isOfThis(error.suggestion);
    });
    if (!value && !isSaid)
        m_errors.append({option.name(), QStringLiteral("is required: %1").arg(option.help()), {}, place});
}

// What may stand in a map of that group: "rows" for the option "queue.rows" in "queue.".
QStringList MapReader::keysOf(const QString &prefix) const
{
    QStringList keys = prefix.isEmpty() ? m_ignored : QStringList();
    for (const Option &option : m_options) {
        if (option.name().startsWith(prefix))
            keys.append(option.name().mid(prefix.size()).section(dot, 0, 0));
    }
    return keys;
}

} // namespace

OptionList OptionList::operator+(const OptionList &other) const
{
    OptionList sum = *this;
    sum.append(other);
    return sum;
}

Result<> OptionList::checkNames() const
{
    for (const Option &option : *this) {
        if (const Option *inner = firstOfGroup(*this, option.name()))
            return Error{
                Error::Kind::Config,
                QStringLiteral("the option '%1' is a value and, with '%2', also a group: rename one of them")
                    .arg(option.name(), inner->name())};
    }
    return {};
}

OptionErrors OptionList::apply(const Value &map, const QStringList &ignored) const
{
    return MapReader(*this, ignored).read(map);
}

} // namespace tidemill
