// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/redis/errors.h>

#include <QByteArrayView>

#include <span>

namespace tidemill::redis {

// An answer of the server, as a tree of views. Valid within the callback that it was given to; copy what is
// needed longer. Every access is safe on any reply: what is not there is nil, empty or zero.
class Reply
{
public:
    enum class Kind : quint8 {
        Nil,
        Status, // OK, QUEUED
        Error,  // the server refused; see error()
        Integer,
        Text, // any bytes
        Array,
        Lost, // no answer: the connection ended. If the command was carried out nobody knows.
    };

    Reply() = default;
    static Reply lost(QByteArrayView why, bool isTooLong = false)
    {
        return Reply(Kind::Lost, why, isTooLong ? 1 : 0);
    }
    static Reply ofText(Kind kind, QByteArrayView text) { return Reply(kind, text, 0); }
    static Reply ofInteger(qint64 value) { return Reply(Kind::Integer, {}, value); }
    static Reply ofArray(std::span<const Reply> elements)
    {
        Reply reply(Kind::Array, {}, 0);
        reply.m_elements = elements;
        return reply;
    }

    Kind kind() const { return m_kind; }
    bool isNil() const { return m_kind == Kind::Nil; }
    bool isLost() const { return m_kind == Kind::Lost; }
    // Lost because this very answer was longer than Settings::maxReplyBytes.
    bool isTooLong() const { return m_kind == Kind::Lost && m_integer != 0; }
    bool isError() const { return m_kind == Kind::Error; }
    bool isArray() const { return m_kind == Kind::Array; }

    // Of a text, a status or an error (with its first word).
    QByteArrayView text() const { return m_text; }
    qint64 integer() const { return m_integer; }

    std::span<const Reply> elements() const { return m_elements; }
    qsizetype size() const { return qsizetype(m_elements.size()); }
    const Reply &operator[](qsizetype index) const;

    // None unless it is an error.
    ErrorKind error() const { return isError() ? errorKind(m_text) : ErrorKind::None; }

private:
    Reply(Kind kind, QByteArrayView text, qint64 integer) : m_kind(kind), m_integer(integer), m_text(text) {}

    Kind m_kind = Kind::Nil;
    qint64 m_integer = 0;
    QByteArrayView m_text;
    std::span<const Reply> m_elements;
};

} // namespace tidemill::redis
