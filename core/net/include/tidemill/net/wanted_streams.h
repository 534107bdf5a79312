// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/option.h>

#include <QSet>
#include <QStringList>

#include <algorithm>

namespace tidemill::net {

// The options `symbols` and `streams` of a source: of each symbol each stream.
struct WantedStreams
{
    QStringList symbols;
    QStringList streams;

    OptionList options(const char *symbolsHelp, const char *symbolsExample, const char *streamsHelp,
                       const char *streamsExample)
    {
        return {
            Option("symbols", symbols, symbolsHelp).required().notEmpty().example(symbolsExample),
            Option("streams", streams, streamsHelp).required().notEmpty().example(streamsExample),
        };
    }

    // What parse(name), a Result, makes of each stream. Of one kindOf() there can be only one; `noun` is what
    // the exchange calls a symbol.
    template<typename Spec, typename KindOf>
    QList<Spec> parsed(Result<Spec> (*parse)(const QString &), KindOf kindOf, const char *noun,
                       OptionErrors &errors) const
    {
        const auto add = [&errors](const char *option, const QString &message) {
            errors.append({QLatin1String(option), message, {}, {}});
        };
        QList<Spec> specs;
        for (const QString &name : streams) {
            const Result<Spec> spec = parse(name);
            if (!spec) {
                add("streams", spec.error().message);
                continue;
            }
            const auto isOfItsKind = [&](const Spec &other) { return kindOf(other) == kindOf(*spec); };
            if (std::any_of(specs.begin(), specs.end(), isOfItsKind))
                add("streams", streams.count(name) > 1
                                   ? QStringLiteral("'%1' stands there twice").arg(name)
                                   : QStringLiteral("'%1': there can be only one of its kind").arg(name));
            specs.append(*spec);
        }
        if (QSet<QString>(symbols.begin(), symbols.end()).size() != symbols.size())
            add("symbols", QStringLiteral("a %1 stands there twice").arg(QLatin1String(noun)));
        return specs;
    }
};

} // namespace tidemill::net
