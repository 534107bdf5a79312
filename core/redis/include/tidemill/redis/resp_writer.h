// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QByteArrayView>

#include <charconv>
#include <cstring>

namespace tidemill::redis {

// Appends RESP to a buffer through a plain pointer: QByteArray's own append is a call and a check for each
// piece, and a command has dozens. The buffer must not be touched while there is a writer for it.
class RespWriter
{
public:
    explicit RespWriter(QByteArray &out) : m_out(out), m_size(out.size()) { makeRoom(firstRoom); }
    ~RespWriter() { m_out.truncate(m_size); }
    Q_DISABLE_COPY_MOVE(RespWriter)

    qsizetype size() const { return m_size; }
    // Back to an earlier size.
    void truncate(qsizetype size) { m_size = size; }

    void bytes(QByteArrayView view)
    {
        makeRoom(view.size());
        std::memcpy(m_data + m_size, view.data(), std::size_t(view.size()));
        m_size += view.size();
    }

    void word(QByteArrayView view)
    {
        makeRoom(view.size() + 32);
        char *at = m_data + m_size;
        *at++ = '$';
        at = std::to_chars(at, at + 20, view.size()).ptr;
        *at++ = '\r';
        *at++ = '\n';
        std::memcpy(at, view.data(), std::size_t(view.size()));
        at += view.size();
        *at++ = '\r';
        *at++ = '\n';
        m_size = at - m_data;
    }

private:
    static constexpr qsizetype firstRoom = 1024; // for most commands all they need

    void makeRoom(qsizetype bytes)
    {
        if (m_size + bytes <= m_room)
            return;
        m_out.resize(m_size + bytes + firstRoom);
        m_data = m_out.data();
        m_room = m_out.size();
    }

    QByteArray &m_out;
    qsizetype m_size;
    qsizetype m_room = 0;
    char *m_data = nullptr;
};

} // namespace tidemill::redis
