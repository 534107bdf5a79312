// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "schema_types.h"

#include <QtEndian>

#include <cstring>
#include <limits>

// Numbers out of a frame. Nothing in a frame is aligned.

namespace tidemill::sbe {

template<typename T, bool bigEndian>
T loadAs(const char *at)
{
    T value;
    std::memcpy(&value, at, sizeof value);
    if constexpr (sizeof(T) == 1)
        return value;
    else
        return bigEndian ? qFromBigEndian(value) : qFromLittleEndian(value);
}

// An integer in 64 bits, a signed one with its sign; the pattern of a float or double.
template<bool bigEndian>
quint64 loadBits(Primitive primitive, const char *at)
{
    switch (primitive) {
    case Primitive::Char:
    case Primitive::UInt8:
        return loadAs<quint8, bigEndian>(at);
    case Primitive::Int8:
        return quint64(qint64(loadAs<qint8, bigEndian>(at)));
    case Primitive::Int16:
        return quint64(qint64(loadAs<qint16, bigEndian>(at)));
    case Primitive::Int32:
        return quint64(qint64(loadAs<qint32, bigEndian>(at)));
    case Primitive::UInt16:
        return loadAs<quint16, bigEndian>(at);
    case Primitive::UInt32:
    case Primitive::Float:
        return loadAs<quint32, bigEndian>(at);
    case Primitive::Int64:
    case Primitive::UInt64:
    case Primitive::Double:
        break;
    }
    return loadAs<quint64, bigEndian>(at);
}

inline quint64 loadBits(Primitive primitive, const char *at, bool bigEndian)
{
    return bigEndian ? loadBits<true>(primitive, at) : loadBits<false>(primitive, at);
}

inline double toDouble(Primitive primitive, quint64 bits)
{
    if (primitive == Primitive::Float) {
        const auto narrow = quint32(bits);
        float number;
        std::memcpy(&number, &narrow, sizeof number);
        return double(number);
    }
    double number;
    std::memcpy(&number, &bits, sizeof number);
    return number;
}

// Is that the pattern of null? Of a float: any NaN.
inline bool isNullPattern(const Type &type, quint64 bits)
{
    if (isFloating(type.primitive)) {
        const double number = toDouble(type.primitive, bits);
        return number != number;
    }
    return bits == type.nullBits;
}

} // namespace tidemill::sbe
