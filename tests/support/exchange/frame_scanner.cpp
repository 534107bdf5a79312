// SPDX-License-Identifier: Apache-2.0
#include "frame_scanner.h"

#include <algorithm>

namespace tidemill::exchange {

// Of the header that begins in m_header; at least two bytes are needed to know.
int FrameScanner::headerSize() const
{
    if (m_header.size() < 2)
        return 2;
    const int length = quint8(m_header[1]) & 0x7f;
    const bool masked = quint8(m_header[1]) & 0x80;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + (masked ? 4 : 0);
}

QByteArray FrameScanner::pass(QByteArrayView bytes)
{
    QByteArray passed;
    while (!bytes.isEmpty()) {
        if (m_skip > 0) {
            const qsizetype count = std::min(m_skip, bytes.size());
            if (!m_dropping)
                passed.append(bytes.data(), count);
            m_skip -= count;
            bytes = bytes.sliced(count);
            continue;
        }
        if (m_header.isEmpty())
            m_dropping = m_dropPings && (quint8(bytes.front()) & 0x0f) == Ping;
        if (!m_dropping)
            passed.append(bytes.front());
        m_header.append(bytes.front());
        bytes = bytes.sliced(1);
        if (m_header.size() < headerSize())
            continue;

        const int length = quint8(m_header[1]) & 0x7f;
        m_skip = length;
        if (length >= 126) {
            m_skip = 0;
            for (int index = 2; index < (length == 126 ? 4 : 10); ++index)
                m_skip = qsizetype(quint64(m_skip) << 8 | quint8(m_header[index]));
            m_skip = std::max<qsizetype>(m_skip, 0); // a length beyond 2^63: QWebSocket will refuse it
        }
        const Frame frame{quint8(m_header[0]) & 0x0f, (quint8(m_header[1]) & 0x80) != 0};
        m_header.clear();
        m_seen(frame);
    }
    return passed;
}

} // namespace tidemill::exchange
