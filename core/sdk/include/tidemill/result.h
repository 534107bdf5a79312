// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QMetaType>
#include <QString>

#include <optional>
#include <utility>
#include <variant>

namespace tidemill {

// What went wrong, for the operator: `message` says where, what was expected and what came.
// The kind is what health and retry decide by.
struct Error
{
    enum class Kind {
        Config,   // somebody must edit something; trying again is pointless
        Network,  // a peer is away, refuses or is too slow; worth trying again
        Protocol, // a peer sent what it should not have sent
        Storage,  // a file, disk or database said no; worth trying again
        Internal, // our own fault
    };

    Kind kind = Kind::Internal;
    QString message;
};

// The subset of std::expected that we use, under the same names, so that the day
// the compiler has it this file becomes one alias. An Error converts to any Result:
//     if (!file.open(QIODevice::ReadOnly))
//         return Error{Error::Kind::Storage, file.errorString()};
template<typename T = void>
class [[nodiscard]] Result
{
public:
    // NOLINTBEGIN(google-explicit-constructor): "return value;" and "return error;" must both just work.
    Result(T value) : m_state(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : m_state(std::in_place_index<1>, std::move(error)) {}
    // NOLINTEND(google-explicit-constructor)

    bool has_value() const { return m_state.index() == 0; }
    explicit operator bool() const { return has_value(); }

    const T &operator*() const & { return std::get<0>(m_state); }
    T &operator*() & { return std::get<0>(m_state); }
    T &&operator*() && { return std::get<0>(std::move(m_state)); }
    const T *operator->() const { return &std::get<0>(m_state); }
    T *operator->() { return &std::get<0>(m_state); }
    const Error &error() const { return std::get<1>(m_state); }

private:
    std::variant<T, Error> m_state;
};

template<>
class [[nodiscard]] Result<void>
{
public:
    Result() = default;
    Result(Error error) : m_error(std::move(error)) {} // NOLINT(google-explicit-constructor): as above

    bool has_value() const { return !m_error; }
    explicit operator bool() const { return has_value(); }
    const Error &error() const { return *m_error; }

private:
    std::optional<Error> m_error;
};

} // namespace tidemill

Q_DECLARE_METATYPE(tidemill::Error)
