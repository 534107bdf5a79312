// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/option.h>

// Values as a pipeline file has them, and what is said of them.

namespace tidemill {

inline Value plain(const QString &text, int line = 0, int column = 0)
{
    return Value::scalar(text, false, {line, column});
}

inline Value quoted(const QString &text)
{
    return Value::scalar(text, true);
}

inline Value listOf(const QStringList &texts)
{
    QList<Value> items;
    for (const QString &text : texts)
        items.append(plain(text));
    return Value::list(items);
}

inline Value mapOf(const QString &key, const Value &value)
{
    return Value::map({{key, {}, value}}, {1, 1});
}

inline QStringList texts(const OptionErrors &errors)
{
    QStringList result;
    for (const OptionError &error : errors)
        result.append(error.toString());
    return result;
}

} // namespace tidemill
