// SPDX-License-Identifier: Apache-2.0
#include "text_lines.h"

#include <algorithm>

namespace tidemill::host {

TextLines::TextLines(QByteArrayView text) : m_text(text), m_starts{0}
{
    for (qsizetype i = 0; i < text.size(); ++i) {
        if (text[i] == '\n' && i + 1 < text.size())
            m_starts.append(i + 1);
    }
}

QByteArrayView TextLines::line(int number) const
{
    if (number < 1 || number > count())
        return {};
    const qsizetype start = m_starts[number - 1];
    qsizetype end = number < count() ? m_starts[number] : m_text.size();
    while (end > start && (m_text[end - 1] == '\n' || m_text[end - 1] == '\r'))
        --end;
    return m_text.sliced(start, end - start);
}

Place TextLines::placeOf(qsizetype offset) const
{
    offset = std::clamp<qsizetype>(offset, 0, m_text.size());
    const auto next = std::upper_bound(m_starts.begin(), m_starts.end(), offset);
    const qsizetype start = *(next - 1);
    if (offset > start && m_text[offset - 1] == '\n')
        --offset; // the very end, which is that of the last line and not behind its line end
    const auto isCharacter = [](char byte) { return (uchar(byte) & 0xc0) != 0x80; };
    const auto before = std::count_if(m_text.begin() + start, m_text.begin() + offset, isCharacter);
    return {int(next - m_starts.begin()), int(before) + 1};
}

qsizetype firstInvalidUtf8(QByteArrayView text)
{
    if (text.isValidUtf8())
        return -1;
    qsizetype i = 0;
    while (i < text.size()) {
        const auto lead = uchar(text[i]);
        const qsizetype length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (i + length > text.size() || !text.sliced(i, length).isValidUtf8())
            return i;
        i += length;
    }
    return -1;
}

} // namespace tidemill::host
