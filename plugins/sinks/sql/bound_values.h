// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QSqlQuery>
#include <QSqlResult>
#include <QVariant>

namespace tidemill::sql {

// QSqlQuery::bindValue() finds a place by a name that it makes up each time; that costs as much as SQLite's
// whole insert. So places are bound once in that way, and from then on the values are set where they lie.

#if QT_VERSION < QT_VERSION_CHECK(6, 6, 0)
struct BoundValuesAccess : QSqlResult
{
    using QSqlResult::boundValues; // protected, since it is meant for drivers
};
#endif

// Once, when the query has been prepared.
inline void bindPlaces(QSqlQuery &query, int count)
{
    for (int i = 0; i < count; ++i)
        query.bindValue(i, QVariant());
}

inline void setBoundValue(QSqlQuery &query, int place, QVariant &&value)
{
#if QT_VERSION < QT_VERSION_CHECK(6, 6, 0)
    (query.result()->*&BoundValuesAccess::boundValues)()[place] = std::move(value);
#else
    query.bindValue(place, value); // there, several functions have that name
#endif
}

} // namespace tidemill::sql
