// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QString>

#include <memory>
#include <vector>

// An SBE schema as read: names, types and where everything lies. See schema_reader.h.

namespace tidemill::sbe {

enum class Primitive : quint8 {
    Char,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float,
    Double
};

constexpr quint32 sizeOf(Primitive primitive)
{
    constexpr quint32 sizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8};
    return sizes[std::size_t(primitive)];
}
constexpr bool isSigned(Primitive primitive)
{
    return primitive >= Primitive::Int8 && primitive <= Primitive::Int64;
}
constexpr bool isUnsigned(Primitive primitive)
{
    return primitive >= Primitive::UInt8 && primitive <= Primitive::UInt64;
}
constexpr bool isFloating(Primitive primitive)
{
    return primitive >= Primitive::Float;
}

enum class Presence : quint8 { Required, Optional, Constant };

// A name for a code of an enum, or for a bit of a set (`code` is its number).
struct NamedCode
{
    QByteArray name;
    quint64 code = 0;
};

struct Type;
using TypePtr = std::shared_ptr<const Type>;

// Part of a composite.
struct Member
{
    QByteArray name;
    TypePtr type;
    quint32 offset = 0; // in the composite
    int since = 0;      // that of its type included
};

// What bytes mean. Integers are held in 64 bits, those of signed types with their sign, whatever their width.
struct Type
{
    enum class Kind : quint8 { Plain, Enum, Set, Composite };

    Kind kind = Kind::Plain;
    QByteArray name;
    Presence presence = Presence::Required;
    int since = 0;
    quint32 size = 0; // bytes in the message; 0 of a constant

    Primitive primitive = Primitive::UInt8; // that an enum or a set is encoded in, too
    quint32 length = 1;                     // of an array; 0 in variable data only
    quint64 nullBits = 0;                   // the pattern of null, unless it is a NaN
    qint64 minimum = 0;                     // of integers, as far as 64 bits with a sign hold them
    quint64 maximum = 0;
    QByteArray encoding; // of characters
    QByteArray constant; // as text; with constantIsName that of an enum's value
    quint64 constantBits = 0;
    bool constantIsName = false;

    std::vector<NamedCode> codes; // of an enum or a set, by code
    std::vector<Member> members;  // of a composite, by offset
    quint32 leaves = 1;           // members without members of their own, all levels counted

    bool isText() const { return primitive == Primitive::Char; }
    // nullptr for a code without a name.
    const NamedCode *findCode(quint64 code) const;
    const Member *findMember(const char *memberName) const;
};

struct Field
{
    QByteArray name;
    TypePtr type; // with the field's own presence and constant
    quint32 offset = 0;
    int since = 0;
    QByteArray exponentField; // of a mantissa: where its exponent is (custom attribute `exponent`)
    QByteArray timeUnit;
    QByteArray semanticType;
};

// A number in a composite that frames are taken apart by: a length, a count, an id.
struct Counter
{
    quint32 offset = 0;
    Primitive primitive = Primitive::UInt16;
    bool isConstant = false;
    quint64 constant = 0;
};

struct Data
{
    QByteArray name;
    int since = 0;
    quint32 headerSize = 0; // what stands before the bytes
    Counter length;
    bool isText = false; // a character encoding is given
};

struct Group;

// Fields, then groups, then data: what messages and entries of groups are made of.
struct Block
{
    quint32 length = 0; // that the schema gives its fields
    std::vector<Field> fields;
    std::vector<Group> groups;
    std::vector<Data> data;
};

struct Group
{
    QByteArray name;
    int since = 0;
    quint32 headerSize = 0;
    Counter blockLength;
    Counter count;
    Block block;
};

struct Message
{
    QByteArray name;
    quint64 id = 0;
    int since = 0;
    Block block;
};

struct MessageSchema
{
    QByteArray package;
    quint64 id = 0;
    int version = 0;
    bool isBigEndian = false;
    quint32 headerSize = 0;
    Counter blockLength;
    Counter templateId;
    Counter schemaId;
    Counter headerVersion;
    std::vector<Message> messages;
};

} // namespace tidemill::sbe
