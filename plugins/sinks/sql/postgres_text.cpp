// SPDX-License-Identifier: Apache-2.0
#include "postgres_text.h"

#include <algorithm>

namespace tidemill::sql {

namespace {

using Form = PostgresText::Form;

// Names and words, as most texts are: nothing in them needs an escape, and the array's literal needs no
// quotes for them (but for the word NULL).
bool isPlainWord(QByteArrayView text)
{
    return !text.isEmpty() && text.compare(QByteArrayView("null"), Qt::CaseInsensitive) != 0 &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-';
           });
}

// What the character is written as behind a backslash; 0: it stands for itself.
char escaped(char c, Form form)
{
    if (c == '\\')
        return '\\';
    if (form == Form::Element)
        return c == '"' ? '"' : '\0';
    return c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : '\0';
}

// False if it cannot be stored.
bool appendText(QByteArray &out, Form form, QByteArrayView text)
{
    if (isPlainWord(text)) {
        out.append(text);
        return true;
    }
    QByteArray repaired; // the server refuses what is not UTF-8
    if (!text.isValidUtf8()) {
        repaired = QString::fromUtf8(text).toUtf8();
        text = repaired;
    }
    if (text.contains('\0'))
        return false;
    if (form == Form::Element)
        out.append('"');
    for (const char c : text) {
        const char letter = escaped(c, form);
        if (letter)
            out.append('\\').append(letter);
        else
            out.append(c);
    }
    if (form == Form::Element)
        out.append('"');
    return true;
}

void appendBytes(QByteArray &out, Form form, QByteArrayView bytes)
{
    const bool isQuoted = form == Form::Element;
    out.append(isQuoted ? "\"\\\\x" : "\\\\x").append(bytes.toByteArray().toHex());
    if (isQuoted)
        out.append('"');
}

} // namespace

bool PostgresText::append(QByteArray &out, Form form, const Column &column, const Batch &batch, qsizetype row,
                          QString &why)
{
    if (column.type == ColumnType::Bytes) {
        appendBytes(out, form, batch.bytes(batch.value<Bytes>(row, *column.field)));
        return true;
    }
    const bool isText = column.type == ColumnType::Text || column.type == ColumnType::Json;
    QByteArray &text = isText ? m_text : out;
    const qsizetype before = out.size();
    m_text.truncate(0);
    switch (appendValue(text, column, batch, row)) {
    case Presence::Null:
        out.truncate(before);
        out.append(form == Form::Element ? "NULL" : "\\N");
        return true;
    case Presence::Unstorable:
        why = unstorableText(column, batch, row);
        return false;
    case Presence::Value:
        break;
    }
    if (isText && !appendText(out, form, m_text)) {
        why = QStringLiteral("a NUL character");
        return false;
    }
    return true;
}

} // namespace tidemill::sql
