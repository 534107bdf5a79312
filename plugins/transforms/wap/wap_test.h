// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/records.h>
#include <tidemill/testing.h>

#include <QSet>
#include <QSignalSpy>

namespace tidemill::testing {

// `update_id TAB price` of all that came out, of two with one id the first, as a store keeps them.
inline QByteArray waps(const QSignalSpy &emitted)
{
    QByteArray text;
    QSet<qint64> seen;
    for (const Wap &wap : rows<Wap>(emitted)) {
        if (!seen.contains(wap.update_id))
            text.append(QByteArray::number(wap.update_id))
                .append('\t')
                .append(wap.price.toString())
                .append('\n');
        seen.insert(wap.update_id);
    }
    return text;
}

} // namespace tidemill::testing
