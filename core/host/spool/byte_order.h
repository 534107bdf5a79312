// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QByteArrayView>
#include <QtEndian>

namespace tidemill::host {

// Little endian numbers at the end of a buffer.
template<typename T>
void appendLe(QByteArray &out, T number)
{
    char bytes[sizeof(T)];
    qToLittleEndian(number, bytes);
    out.append(bytes, sizeof bytes);
}

// Reads what may be anything: past the end there are zeros, and isGood() is false from then on.
class LeReader
{
public:
    explicit LeReader(QByteArrayView data) : m_data(data) {}

    template<typename T>
    T number()
    {
        const QByteArrayView bytes = take(sizeof(T));
        return bytes.isEmpty() ? T{} : qFromLittleEndian<T>(bytes.data());
    }
    QByteArrayView take(qsizetype size)
    {
        if (!m_good || size < 0 || size > m_data.size() - m_at) {
            m_good = false;
            return {};
        }
        m_at += size;
        return m_data.sliced(m_at - size, size);
    }
    QByteArrayView rest() { return take(m_good ? m_data.size() - m_at : 0); }
    bool isGood() const { return m_good; }

private:
    QByteArrayView m_data;
    qsizetype m_at = 0;
    bool m_good = true;
};

} // namespace tidemill::host
