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
        copy(m_data + m_size, view.data(), std::size_t(view.size()));
        m_size += view.size();
    }

    // What was written, without what RESP puts around it; valid until more is.
    QByteArrayView word(QByteArrayView view)
    {
        char *const place = wordOf(view.size());
        copy(place, view.data(), std::size_t(view.size()));
        return {place, view.size()};
    }

    // The place of a word, for those who fill it themselves at once.
    char *wordOf(qsizetype size)
    {
        makeRoom(size + 32);
        char *at = m_data + m_size;
        *at++ = '$';
        if (size < 10) {
            *at++ = char('0' + size);
        } else if (size < 100) {
            *at++ = char('0' + size / 10);
            *at++ = char('0' + size % 10);
        } else {
            at = std::to_chars(at, at + 20, size).ptr;
        }
        *at++ = '\r';
        *at++ = '\n';
        char *const place = at;
        at += size;
        *at++ = '\r';
        *at++ = '\n';
        m_size = at - m_data;
        return place;
    }

private:
    static constexpr qsizetype firstRoom = 1024; // for most commands all they need

    // Nearly all pieces are short, and then a call costs more than the copy: two of a fixed size that may
    // overlap.
    static void copy(char *to, const char *from, std::size_t size)
    {
        if (size >= 32) {
            std::memcpy(to, from, size);
        } else if (size >= 16) {
            copyEnds<16>(to, from, size);
        } else if (size >= 8) {
            copyEnds<8>(to, from, size);
        } else if (size >= 4) {
            copyEnds<4>(to, from, size);
        } else {
            for (std::size_t at = 0; at < size; ++at)
                to[at] = from[at];
        }
    }
    template<std::size_t Piece>
    static void copyEnds(char *to, const char *from, std::size_t size)
    {
        char first[Piece];
        char last[Piece];
        std::memcpy(first, from, Piece);
        std::memcpy(last, from + size - Piece, Piece);
        std::memcpy(to, first, Piece);
        std::memcpy(to + size - Piece, last, Piece);
    }

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
