// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "column_value.h"

#include <QByteArray>
#include <QString>

namespace tidemill::sql {

// Writes values as PostgreSQL reads them. Text and not its binary form: the digits stay those of the record,
// the server checks them for whatever type the column has, and COPY is no faster in binary.
class PostgresText
{
public:
    enum class Form {
        Element, // of an array's literal: {a,"b c",NULL}
        Field,   // of a line of COPY, between tabs
    };

    // False, with the reason, if the column cannot hold the value; then `out` has a part of it.
    bool append(QByteArray &out, Form form, const Column &column, const Batch &batch, qsizetype row,
                QString &why);

private:
    QByteArray m_text;
};

} // namespace tidemill::sql
