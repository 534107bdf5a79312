// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QByteArrayView>
#include <QMetaType>

namespace tidemill::redis {

// The first word of an error reply.
enum class ErrorKind : quint8 {
    None,
    NoAuth,
    WrongPass,
    NoPerm,
    Loading,
    ReadOnly,
    MasterDown,
    NoReplicas,
    Oom,
    Busy,
    Misconf,
    ClusterDown,
    TryAgain,
    Moved,
    Ask,
    CrossSlot,
    WrongType,
    BusyGroup,
    NoGroup,
    ExecAbort,
    Err,   // "ERR": the command or its arguments
    Other, // a word that we do not know
};

// What to do about it.
enum class Advice : quint8 {
    Nothing,
    Wait,      // the server is well and will take it soon: offer all again after a short while
    Retry,     // the server cannot take it until somebody helps it (memory, disk): back-pressure
    Configure, // somebody must change our user, our password or their rights
    Reconnect, // this is not, or no longer, the right server
    Redirect,  // another node of the cluster has this slot; Client follows these by itself
    Final,     // this very command can never succeed
};

ErrorKind errorKind(QByteArrayView errorText);
Advice adviceFor(ErrorKind kind);
// For an operator: what the server said, and what would help where that is not obvious.
Error describe(QByteArrayView errorText, const QString &place);

// Why a client is not connected (any more).
struct Failure
{
    Error error;
    ErrorKind kind = ErrorKind::None; // None: the connection itself; else what the server answered
};

// "MOVED 3999 127.0.0.1:6381" and "ASK ...". An empty host means the one that said it.
struct Redirection
{
    int slot = -1;
    QString host;
    quint16 port = 0;

    static Result<Redirection> parse(QByteArrayView errorText);
};

} // namespace tidemill::redis

Q_DECLARE_METATYPE(tidemill::redis::Failure)
