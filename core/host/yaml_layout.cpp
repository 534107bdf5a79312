// SPDX-License-Identifier: Apache-2.0
#include "text_lines.h"
#include "yaml_text.h"

namespace tidemill::host {

namespace {

constexpr int maxProblems = 100; // a file that is no YAML at all must not print a book
constexpr int maxBrackets = 32;  // open at once

const QString expectedKey =
    QStringLiteral("expected 'key: value' (with a space after the ':') or '- item'; a text of several "
                   "lines is a | block");

bool isBlank(char c)
{
    return c == ' ' || c == '\t';
}

// Reads each line as far as needed to know where keys, dashes and values begin; what they mean is the
// parser's.
class LayoutCheck
{
public:
    LayoutCheck(QByteArrayView text, const TextLines &lines) : m_text(text), m_lines(lines) {}

    QList<Diagnostic> run()
    {
        for (int number = 1; number <= m_lines.count() && m_problems.size() < maxProblems; ++number) {
            m_line = m_lines.line(number);
            checkLine();
        }
        for (const Bracket &bracket : m_open) {
            if (m_hasOpenQuote) // what closes it may be behind that quote
                break;
            m_problems.append({{},
                               m_lines.placeOf(bracket.offset),
                               QStringLiteral("this '%1' is never closed").arg(QLatin1Char(bracket.opening)),
                               {}});
        }
        return m_problems;
    }

private:
    struct Bracket
    {
        char opening;
        qsizetype offset;
    };

    qsizetype offsetOf(qsizetype at) const { return m_line.data() - m_text.data() + at; }
    void report(qsizetype at, const QString &message)
    {
        m_problems.append({{}, m_lines.placeOf(offsetOf(at)), message, {}});
    }
    char charAt(qsizetype at) const { return at < m_line.size() ? m_line[at] : '\0'; }
    bool isEndOrBlank(qsizetype at) const { return at >= m_line.size() || isBlank(m_line[at]); }
    bool endsKey(qsizetype at) const { return charAt(at) == ':' && isEndOrBlank(at + 1); }
    bool inBrackets() const { return !m_open.isEmpty(); }

    void checkLine();
    bool isInsideBlock(qsizetype indent);
    bool hasBadIndent(qsizetype indent);
    bool enterLevel(qsizetype indent);
    void scanTokens(qsizetype from);
    qsizetype scanToken(qsizetype at);
    qsizetype scanQuoted(qsizetype at);
    qsizetype scanPlain(qsizetype at);
    qsizetype scanBracket(qsizetype at);
    qsizetype refuseWord(qsizetype at, const QString &message);
    void noteKey(qsizetype start, qsizetype colon);
    void noteValue(qsizetype start);

    QByteArrayView m_text;
    const TextLines &m_lines;
    QList<Diagnostic> m_problems;
    QByteArrayView m_line;

    // Columns of the keys and dashes that the current line is within, and what that line has shown so far.
    QList<qsizetype> m_levels;
    bool m_hasKey = false;
    bool m_hasDash = false;
    bool m_hasValue = false;

    // Where a line began that was nothing but the value of the line before; -1 if the last one was not.
    qsizetype m_bareValue = -1;

    QList<Bracket> m_open;
    bool m_hasOpenQuote = false;
    bool m_inBlock = false;       // after a | or >
    qsizetype m_blockIndent = -1; // not known before the block's first line
};

void LayoutCheck::checkLine()
{
    qsizetype indent = 0;
    while (charAt(indent) == ' ')
        ++indent;
    if (m_line.trimmed().isEmpty() || isInsideBlock(indent) || charAt(indent) == '#' || hasBadIndent(indent))
        return;
    if (inBrackets()) {
        scanTokens(indent);
        return;
    }
    if (m_line[0] == '%') {
        report(0, QStringLiteral("YAML directives (lines that begin with '%') are not supported"));
        return;
    }
    if ((m_line.startsWith("---") || m_line.startsWith("...")) && isEndOrBlank(3)) {
        m_levels.clear();
        m_hasValue = false;
        scanTokens(3);
        return;
    }
    const bool mayBeValue = !m_hasValue && (m_hasKey || m_hasDash); // of the line before, which ended with it
    const bool isLevel = enterLevel(indent);
    m_hasKey = m_hasDash = m_hasValue = false;
    scanTokens(indent);
    m_bareValue = m_hasKey || m_hasDash ? -1 : offsetOf(indent);
    if (isLevel && m_bareValue >= 0 && !mayBeValue)
        report(indent, expectedKey);
}

// True for a line of a | or > block: free text.
bool LayoutCheck::isInsideBlock(qsizetype indent)
{
    if (!m_inBlock)
        return false;
    if (m_blockIndent < 0 && (m_levels.isEmpty() || indent > m_levels.last()))
        m_blockIndent = indent;
    m_inBlock = m_blockIndent >= 0 && indent >= m_blockIndent;
    return m_inBlock;
}

bool LayoutCheck::hasBadIndent(qsizetype indent)
{
    if (charAt(indent) == '\t') {
        report(indent, QStringLiteral("indented with a tab: YAML takes spaces only"));
        return true;
    }
    // These look like spaces in an editor and came with text copied from a web page.
    for (const char *disguised : {"\xc2\xa0", "\xe2\x80\x8b", "\xe3\x80\x80", "\xef\xbb\xbf"}) {
        if (m_line.sliced(indent).startsWith(disguised)) {
            report(indent, QStringLiteral(
                               "indented with a character that only looks like a space: type plain spaces"));
            return true;
        }
    }
    return false;
}

// The line begins at a level that is open, or one step deeper than a line that ended with its ':' or '-'.
bool LayoutCheck::enterLevel(qsizetype indent)
{
    const qsizetype before = m_levels.size();
    while (!m_levels.isEmpty() && m_levels.last() > indent)
        m_levels.removeLast();
    if (m_levels.isEmpty() || m_levels.last() == indent)
        return true;
    const bool isDeeper = m_levels.size() == before;
    if (isDeeper && !m_hasValue)
        return true;
    if (isDeeper && m_bareValue >= 0) {
        m_problems.append({{}, m_lines.placeOf(m_bareValue), expectedKey, {}});
        return false;
    }
    report(indent,
           isDeeper ? QStringLiteral(
                          "this line is indented deeper than the one before it, which has its value already")
                    : QStringLiteral("the indentation of this line is that of none of the lines above"));
    return false;
}

void LayoutCheck::scanTokens(qsizetype at)
{
    while (at < m_line.size()) {
        if (isBlank(m_line[at]))
            ++at;
        else if (m_line[at] == '#' && (at == 0 || isBlank(m_line[at - 1])))
            return;
        else
            at = scanToken(at);
    }
}

// What begins at `at`; returns where the next token may begin.
qsizetype LayoutCheck::scanToken(qsizetype at)
{
    const char c = m_line[at];
    switch (c) {
    case '"':
    case '\'':
        return scanQuoted(at);
    case '[':
    case '{':
    case ']':
    case '}':
        return scanBracket(at);
    case ':':
    case ',':
        return at + 1;
    case '-':
        if (inBrackets() || !isEndOrBlank(at + 1))
            return scanPlain(at);
        if (m_levels.isEmpty() || m_levels.last() < at)
            m_levels.append(at);
        m_hasDash = true;
        return at + 1;
    case '?':
        if (!isEndOrBlank(at + 1))
            return scanPlain(at);
        report(at, QStringLiteral("keys that begin with '? ' are not supported: write 'key: value'"));
        m_hasKey = true;
        return m_line.size();
    case '&':
        return refuseWord(
            at, QStringLiteral("anchors ('&name') are not supported: write the settings out, or put the "
                               "text in quotes if it begins with '&'"));
    case '*':
        return refuseWord(
            at, QStringLiteral("aliases ('*name') are not supported: write the settings out, or put the "
                               "text in quotes if it begins with '*'"));
    case '!':
        return refuseWord(at,
                          QStringLiteral("tags ('!name') are not supported: what a value is follows from the "
                                         "option; put the text in quotes if it begins with '!'"));
    case '|':
    case '>':
        if (!inBrackets()) {
            noteValue(at);
            m_inBlock = true;
            m_blockIndent = -1;
            return m_line.size();
        }
        [[fallthrough]];
    case '@':
    case '`':
    case '%':
        report(at,
               QStringLiteral("a text cannot begin with '%1' here: put it in quotes").arg(QLatin1Char(c)));
        return scanPlain(at);
    default:
        return scanPlain(at);
    }
}

qsizetype LayoutCheck::refuseWord(qsizetype at, const QString &message)
{
    report(at, message);
    while (!isEndOrBlank(at) && !(inBrackets() && QByteArrayView(",]}").contains(m_line[at])))
        ++at;
    return at;
}

void LayoutCheck::noteKey(qsizetype start, qsizetype colon)
{
    if (inBrackets())
        return;
    if (m_hasKey)
        report(colon,
               QStringLiteral("a second ':' in one line: put the text in quotes, or begin a new line"));
    else if (m_levels.isEmpty() || m_levels.last() < start)
        m_levels.append(start);
    m_hasKey = true;
    m_hasValue = false;
}

void LayoutCheck::noteValue(qsizetype start)
{
    if (inBrackets())
        return;
    if (m_hasValue)
        report(start,
               QStringLiteral("nothing may follow the value before this: put the whole text in quotes"));
    m_hasValue = true;
}

qsizetype LayoutCheck::scanQuoted(qsizetype start)
{
    const char quote = m_line[start];
    qsizetype at = start + 1;
    for (; at < m_line.size(); ++at) {
        const char c = m_line[at];
        const bool isEscape = quote == '"' ? c == '\\' : c == quote && charAt(at + 1) == quote;
        if (isEscape)
            ++at;
        else if (c == quote)
            break;
    }
    if (at >= m_line.size()) {
        // YAML would take everything up to the next quote, keys of later lines included, as one text.
        report(start, QStringLiteral(
                          "this quote is not closed on its line: close it, or write a text of several lines "
                          "as a | block"));
        m_hasValue = true;
        m_hasOpenQuote = true;
        m_inBlock = true; // lines indented deeper may be meant to be the rest of it
        m_blockIndent = -1;
        while (inBrackets() && m_open.last().offset >= offsetOf(0))
            m_open.removeLast();
        return m_line.size();
    }
    if (endsKey(at + 1))
        noteKey(start, at + 1);
    else
        noteValue(start);
    return at + 1;
}

qsizetype LayoutCheck::scanPlain(qsizetype start)
{
    for (qsizetype at = start; at < m_line.size(); ++at) {
        const char c = m_line[at];
        if (endsKey(at)) {
            noteKey(start, at);
            return at;
        }
        if (c == '#' && at > start && isBlank(m_line[at - 1])) {
            noteValue(start);
            return at;
        }
        if (!inBrackets())
            continue;
        if (c == '{' && at > start && m_line[at - 1] == '$') {
            report(at - 1, QStringLiteral("within [...] or {...}, ${...} must be in quotes: \"${NAME}\""));
            const qsizetype end = m_line.indexOf('}', at);
            return end < 0 ? m_line.size() : end + 1;
        }
        if (QByteArrayView(",[]{}").contains(c))
            return at;
    }
    noteValue(start);
    return m_line.size();
}

qsizetype LayoutCheck::scanBracket(qsizetype at)
{
    const char c = m_line[at];
    if (c == '[' || c == '{') {
        noteValue(at);
        if (m_open.size() < maxBrackets) {
            m_open.append({c, offsetOf(at)});
            return at + 1;
        }
        report(at, QStringLiteral("more than %1 brackets within each other").arg(maxBrackets));
        return m_line.size();
    }
    const char opening = c == ']' ? '[' : '{';
    if (m_open.isEmpty()) {
        report(at, QStringLiteral("this '%1' closes nothing: there is no '%2' before it")
                       .arg(QLatin1Char(c))
                       .arg(QLatin1Char(opening)));
        m_hasValue = true;
        return at + 1;
    }
    const Bracket bracket = m_open.takeLast();
    if (bracket.opening != opening)
        report(at, QStringLiteral("this '%1' cannot close the '%2' of line %3")
                       .arg(QLatin1Char(c))
                       .arg(QLatin1Char(bracket.opening))
                       .arg(m_lines.placeOf(bracket.offset).line));
    return at + 1;
}

} // namespace

QList<Diagnostic> checkLayout(QByteArrayView text, const TextLines &lines)
{
    return LayoutCheck(text, lines).run();
}

} // namespace tidemill::host
