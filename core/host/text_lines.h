// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/value.h>

#include <QByteArrayView>
#include <QList>

namespace tidemill::host {

// The lines of a text that somebody else keeps alive: from a byte to the line and column a person would name,
// and from a line's number to its text.
class TextLines
{
public:
    explicit TextLines(QByteArrayView text);

    int count() const { return int(m_starts.size()); }
    // From 1; without its line end. Empty for a number there is no line of.
    QByteArrayView line(int number) const;
    // Columns count characters, not bytes. An offset behind the end is the end.
    Place placeOf(qsizetype offset) const;

private:
    QByteArrayView m_text;
    QList<qsizetype> m_starts;
};

// The place in UTF-8 text of the first byte that is not UTF-8; -1 if there is none.
qsizetype firstInvalidUtf8(QByteArrayView text);

} // namespace tidemill::host
