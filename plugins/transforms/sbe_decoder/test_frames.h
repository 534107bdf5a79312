// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "frame.h"
#include "schema_reader.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace tidemill::sbe {

// Messages and schemas of venues; not part of this tree.
inline QString sharedData()
{
    return QStringLiteral(TIDEMILL_SOURCE_DIR "/../shared/data/sbe");
}

inline QString ownData(const QString &name)
{
    return QStringLiteral(TIDEMILL_SOURCE_DIR "/plugins/transforms/sbe_decoder/testdata/") + name;
}

inline QByteArray readFile(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

// "12 00 | 10 27": blanks and bars are for the reader.
inline QByteArray fromHex(const QByteArray &text)
{
    return QByteArray::fromHex(QByteArray(text).replace('|', ' '));
}

// All of a message as JSON, by the conventions of the recorded cases: 64-bit integers as text, null for what
// is null or not there, bytes as hex, enums and sets by name.
class FrameJson
{
public:
    explicit FrameJson(const MessageSchema &schema) : m_schema(schema), m_opener(schema) {}

    Fault decode(QByteArrayView frame, QJsonObject &json)
    {
        FrameView view;
        if (const Fault fault = m_opener.open(frame, view, m_cursor); fault != Fault::None)
            return fault;
        const auto header = [&](const Counter &counter) {
            return qint64(counter.isConstant ? counter.constant
                                             : loadBits(counter.primitive, frame.data() + counter.offset,
                                                        m_schema.isBigEndian));
        };
        QJsonObject body;
        if (const Fault fault = addBlock(body, view.message->block, view.root); fault != Fault::None)
            return fault;
        json = QJsonObject{{"message", QString::fromUtf8(view.message->name)},
                           {"header", QJsonObject{{"blockLength", header(m_schema.blockLength)},
                                                  {"templateId", header(m_schema.templateId)},
                                                  {"schemaId", header(m_schema.schemaId)},
                                                  {"version", header(m_schema.headerVersion)}}},
                           {"body", body},
                           {"consumed", qint64(m_cursor.at() - frame.data())},
                           {"size", frame.size()}};
        return Fault::None;
    }

private:
    Fault addBlock(QJsonObject &json, const Block &block, BlockView view)
    {
        for (const Field &field : block.fields)
            json.insert(QString::fromUtf8(field.name), value(*field.type, view, field.offset, field.since));
        for (const Group &group : block.groups) {
            GroupView entries;
            if (const Fault fault = m_cursor.enter(group, entries); fault != Fault::None)
                return fault;
            QJsonArray list;
            for (quint32 i = 0; i < entries.count; ++i) {
                BlockView entry;
                QJsonObject object;
                if (const Fault fault = m_cursor.entry(entries, entry); fault != Fault::None)
                    return fault;
                if (const Fault fault = addBlock(object, group.block, entry); fault != Fault::None)
                    return fault;
                list.append(object);
            }
            json.insert(QString::fromUtf8(group.name), list);
        }
        for (const Data &data : block.data) {
            QByteArrayView bytes;
            if (const Fault fault = m_cursor.data(data, bytes); fault != Fault::None)
                return fault;
            const QByteArray copy = bytes.toByteArray();
            json.insert(
                QString::fromUtf8(data.name),
                data.since > m_cursor.version()
                    ? QJsonValue()
                    : QJsonValue(data.isText ? QString::fromUtf8(copy) : QString::fromLatin1(copy.toHex())));
        }
        return Fault::None;
    }

    QJsonValue value(const Type &type, BlockView view, quint32 offset, int since)
    {
        if (since > m_cursor.version())
            return {};
        if (type.presence == Presence::Constant)
            return constant(type);
        if (type.kind == Type::Kind::Composite)
            return composite(type, view, offset);
        if (!view.has(offset, type.size))
            return {};
        const char *at = view.data + offset;
        if (type.kind == Type::Kind::Plain && type.length > 1)
            return array(type, at);
        const quint64 bits = loadBits(type.primitive, at, m_schema.isBigEndian);
        if (type.kind == Type::Kind::Set) {
            QJsonArray names;
            for (const NamedCode &choice : type.codes) {
                if (bits >> choice.code & 1)
                    names.append(QString::fromUtf8(choice.name));
            }
            return names;
        }
        if (type.kind == Type::Kind::Enum) {
            if (const NamedCode *code = type.findCode(bits))
                return QString::fromUtf8(code->name);
            return isNullPattern(type, bits)
                       ? QJsonValue()
                       : QJsonValue(QJsonObject{{"unknown", number(type.primitive, bits)}});
        }
        if (type.presence == Presence::Optional && isNullPattern(type, bits))
            return {};
        return number(type.primitive, bits);
    }

    QJsonValue composite(const Type &type, BlockView view, quint32 offset)
    {
        QJsonObject json;
        bool isFirst = true;
        for (const Member &member : type.members) {
            if (isFirst && member.type->presence != Presence::Constant) {
                isFirst = false;
                if (!view.has(offset + member.offset, member.type->size))
                    return {};
                if (type.presence == Presence::Optional && member.type->kind == Type::Kind::Plain &&
                    isNullPattern(*member.type,
                                  loadBits(member.type->primitive, view.data + offset + member.offset,
                                           m_schema.isBigEndian)))
                    return {};
            }
            json.insert(QString::fromUtf8(member.name),
                        value(*member.type, view, offset + member.offset, member.since));
        }
        return json;
    }

    QJsonValue array(const Type &type, const char *at)
    {
        const QByteArray bytes(at, qsizetype(type.size));
        if (type.primitive == Primitive::Char) {
            const QByteArray text = bytes.left(bytes.indexOf('\0') < 0 ? bytes.size() : bytes.indexOf('\0'));
            return text.isEmpty() && type.presence == Presence::Optional ? QJsonValue()
                                                                         : QString::fromUtf8(text);
        }
        if (sizeOf(type.primitive) == 1)
            return QString::fromLatin1(bytes.toHex());
        QJsonArray list;
        for (quint32 i = 0; i < type.length; ++i)
            list.append(number(type.primitive, loadBits(type.primitive, at + i * sizeOf(type.primitive),
                                                        m_schema.isBigEndian)));
        return list;
    }

    static QJsonValue number(Primitive primitive, quint64 bits)
    {
        if (primitive == Primitive::Char)
            return QString(QChar(char16_t(bits)));
        if (isFloating(primitive))
            return toDouble(primitive, bits);
        if (primitive == Primitive::Int64)
            return QString::number(qint64(bits));
        if (primitive == Primitive::UInt64)
            return QString::number(bits);
        return qint64(bits);
    }

    static QJsonValue constant(const Type &type)
    {
        if (type.constantIsName || type.primitive == Primitive::Char)
            return QString::fromUtf8(type.constant);
        return number(type.primitive, type.constantBits);
    }

    const MessageSchema &m_schema;
    FrameOpener m_opener;
    Cursor m_cursor;
};

} // namespace tidemill::sbe
