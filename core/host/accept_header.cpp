// SPDX-License-Identifier: Apache-2.0
#include "accept_header.h"

#include <QList>

#include <algorithm>

namespace tidemill::host {

// "type/subtype; name=value; q=0.5": the weight, 1 if there is none, 0 for one that is no number.
static double weight(const QList<QByteArray> &parts)
{
    for (qsizetype i = 1; i < parts.size(); ++i) {
        const QByteArray parameter = parts[i].trimmed().toLower();
        if (parameter.startsWith("q="))
            return parameter.mid(2).trimmed().toDouble();
    }
    return 1;
}

QByteArrayView preferredType(const QByteArray &accept, std::initializer_list<QByteArrayView> offers)
{
    QByteArrayView best = *offers.begin();
    double bestWeight = 0;
    for (const QByteArray &entry : accept.split(',')) {
        const QList<QByteArray> parts = entry.split(';');
        const QByteArray type = parts.first().trimmed().toLower();
        const auto *const offer = std::find(offers.begin(), offers.end(), QByteArrayView(type));
        const double wish = weight(parts);
        if (offer != offers.end() && wish > bestWeight) {
            best = *offer;
            bestWeight = wish;
        }
    }
    return best;
}

} // namespace tidemill::host
