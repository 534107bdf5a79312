// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/decimal.h>
#include <tidemill/schema.h>
#include <tidemill/symbol.h>
#include <tidemill/timestamp.h>

#include <array>
#include <cstddef>
#include <type_traits>

// How a plain struct becomes a record type:
//
//     struct Liquidation
//     {
//         Symbol exchange;
//         Symbol symbol;
//         Timestamp ts_event;
//         Timestamp ts_recv;
//         qint64 order_id = 0;
//         Decimal price;
//         Text reason;
//     };
//     TIDEMILL_RECORD(Liquidation, 1, Event, (exchange, symbol, order_id),
//         (exchange, symbol, ts_event, ts_recv, order_id, price, reason))
//
// in the global namespace or any other; the macro stands in the namespace of the struct. From then on every
// consumer that knows only schemas (SQL, JSON lines, comparing, printing) can handle it. Change a field:
// raise the version.

namespace tidemill {

// Values of varying size lie in the heap of the batch that the row is in; see Batch::text() and its siblings.
struct Text
{
    quint32 offset = 0;
    quint32 size = 0; // bytes
};

struct Bytes
{
    quint32 offset = 0;
    quint32 size = 0;
};

struct Level
{
    Decimal price;
    Decimal quantity; // absolute; zero in an update removes the level
};

struct Levels
{
    quint32 offset = 0; // bytes, a multiple of 8
    quint32 count = 0;  // of Level
};

// The names of an enum's values, in order from 0; TIDEMILL_ENUM declares them.
template<typename T>
struct EnumNames
{
    static constexpr bool declared = false;
};

template<typename T>
constexpr FieldType fieldTypeOf()
{
    if constexpr (std::is_same_v<T, qint64>)
        return FieldType::Int64;
    else if constexpr (std::is_same_v<T, quint64>)
        return FieldType::UInt64;
    else if constexpr (std::is_same_v<T, double>)
        return FieldType::Double;
    else if constexpr (std::is_same_v<T, bool>)
        return FieldType::Bool;
    else if constexpr (std::is_same_v<T, Decimal>)
        return FieldType::Decimal;
    else if constexpr (std::is_same_v<T, Timestamp>)
        return FieldType::Timestamp;
    else if constexpr (std::is_same_v<T, Symbol>)
        return FieldType::Symbol;
    else if constexpr (std::is_same_v<T, Text>)
        return FieldType::Text;
    else if constexpr (std::is_same_v<T, Bytes>)
        return FieldType::Bytes;
    else if constexpr (std::is_same_v<T, Levels>)
        return FieldType::Levels;
    else {
        static_assert(EnumNames<T>::declared,
                      "not a field type: use those of FieldType, or an enum with TIDEMILL_ENUM");
        return FieldType::Enum;
    }
}

template<typename T>
Field makeField(std::string_view name, std::size_t offset)
{
    constexpr FieldType type = fieldTypeOf<T>();
    if constexpr (type == FieldType::Enum) {
        static_assert(sizeof(T) == 1, "an enum field is one byte: enum class Name : quint8");
        return {name, type, quint32(offset), EnumNames<T>::names};
    } else {
        return {name, type, quint32(offset), {}};
    }
}

// TIDEMILL_RECORD provides, in the struct's namespace, const Schema &tidemillSchema(const T *).
template<typename T>
const Schema &schemaOf()
{
    static const Schema &schema = tidemillSchema(static_cast<const T *>(nullptr));
    return schema;
}

template<typename T>
concept Record = requires
{
    tidemillSchema(static_cast<const T *>(nullptr));
};

} // namespace tidemill

// TIDEMILL_ENUM(Side, "unknown", "buy", "sell"): in namespace tidemill, after an enum class of one byte
// counting from 0.
#define TIDEMILL_ENUM(Type, ...)                                            \
    template<>                                                              \
    struct EnumNames<Type>                                                  \
    {                                                                       \
        static constexpr bool declared = true;                              \
        static constexpr std::string_view nameList[] = {__VA_ARGS__};       \
        static constexpr std::span<const std::string_view> names{nameList}; \
    };

// Applies MACRO(Type, item) to each item of a list, by repeated expansion; enough for 200 fields.
#define TIDEMILL_EXPAND(...) TIDEMILL_EXPAND3(TIDEMILL_EXPAND3(TIDEMILL_EXPAND3(__VA_ARGS__)))
#define TIDEMILL_EXPAND3(...) TIDEMILL_EXPAND2(TIDEMILL_EXPAND2(TIDEMILL_EXPAND2(__VA_ARGS__)))
#define TIDEMILL_EXPAND2(...) TIDEMILL_EXPAND1(TIDEMILL_EXPAND1(TIDEMILL_EXPAND1(__VA_ARGS__)))
#define TIDEMILL_EXPAND1(...) TIDEMILL_EXPAND0(TIDEMILL_EXPAND0(TIDEMILL_EXPAND0(__VA_ARGS__)))
#define TIDEMILL_EXPAND0(...) __VA_ARGS__
#define TIDEMILL_PARENS ()
#define TIDEMILL_EACH(macro, type, ...) \
    __VA_OPT__(TIDEMILL_EXPAND(TIDEMILL_EACH_STEP(macro, type, __VA_ARGS__)))
#define TIDEMILL_EACH_STEP(macro, type, item, ...) \
    macro(type, item) __VA_OPT__(TIDEMILL_EACH_AGAIN TIDEMILL_PARENS(macro, type, __VA_ARGS__))
#define TIDEMILL_EACH_AGAIN() TIDEMILL_EACH_STEP
#define TIDEMILL_UNPACK(...) __VA_ARGS__
#define TIDEMILL_FIELD(Type, member) \
    ::tidemill::makeField<decltype(Type::member)>(#member, offsetof(Type, member)),
#define TIDEMILL_NAME(Type, member) std::string_view(#member),

#define TIDEMILL_RECORD_BODY(Type, version, kind, key, fields)                               \
    {                                                                                        \
        static_assert(std::is_trivially_copyable_v<Type> && std::is_standard_layout_v<Type>, \
                      #Type " must be a plain struct: its rows are copied as bytes");        \
        static constexpr std::string_view keyNames[] = {                                     \
            TIDEMILL_EACH(TIDEMILL_NAME, Type, TIDEMILL_UNPACK key)};                        \
        static const ::tidemill::Schema schema(                                              \
            #Type, version, ::tidemill::RecordKind::kind, sizeof(Type),                      \
            {TIDEMILL_EACH(TIDEMILL_FIELD, Type, TIDEMILL_UNPACK fields)}, keyNames);        \
        return schema;                                                                       \
    }

#define TIDEMILL_RECORD(Type, version, kind, key, fields)         \
    inline const ::tidemill::Schema &tidemillSchema(const Type *) \
        TIDEMILL_RECORD_BODY(Type, version, kind, key, fields)
