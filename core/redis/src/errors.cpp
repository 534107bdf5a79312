// SPDX-License-Identifier: Apache-2.0
#include <tidemill/redis/command.h>
#include <tidemill/redis/errors.h>

#include <QByteArray>
#include <QList>
#include <QString>

#include <string_view>

namespace tidemill::redis {

namespace {

struct Known
{
    std::string_view word;
    ErrorKind kind;
    Advice advice;
    const char *help;
};

constexpr Known known[] = {
    {"NOAUTH", ErrorKind::NoAuth, Advice::Configure,
     "it wants a password: give it in the address, redis://:PASSWORD@HOST or redis://USER:PASSWORD@HOST"},
    {"WRONGPASS", ErrorKind::WrongPass, Advice::Configure, "correct the user and password in the address"},
    {"NOPERM", ErrorKind::NoPerm, Advice::Configure,
     "give its user the right (ACL SETUSER ... +@stream ~KEYS), or name another in the address"},
    {"LOADING", ErrorKind::Loading, Advice::Wait, nullptr},
    {"READONLY", ErrorKind::ReadOnly, Advice::Reconnect,
     "it is a replica; the address must lead to the master"},
    {"MASTERDOWN", ErrorKind::MasterDown, Advice::Wait, nullptr},
    {"NOREPLICAS", ErrorKind::NoReplicas, Advice::Retry, "it waits for its replicas (min-replicas-to-write)"},
    {"OOM", ErrorKind::Oom, Advice::Retry,
     "its memory is full: raise maxmemory or keep shorter streams (maxlen)"},
    {"BUSY", ErrorKind::Busy, Advice::Wait, nullptr},
    {"MISCONF", ErrorKind::Misconf, Advice::Retry, "it cannot write its data to disk"},
    {"CLUSTERDOWN", ErrorKind::ClusterDown, Advice::Wait, nullptr},
    {"TRYAGAIN", ErrorKind::TryAgain, Advice::Wait, nullptr},
    {"MOVED", ErrorKind::Moved, Advice::Redirect, "it is part of a cluster: set cluster to auto or on"},
    {"ASK", ErrorKind::Ask, Advice::Redirect, nullptr},
    {"CROSSSLOT", ErrorKind::CrossSlot, Advice::Final, nullptr},
    {"WRONGTYPE", ErrorKind::WrongType, Advice::Final, "the key holds something else than a stream"},
    {"BUSYGROUP", ErrorKind::BusyGroup, Advice::Nothing, nullptr},
    {"NOGROUP", ErrorKind::NoGroup, Advice::Final, nullptr},
    {"EXECABORT", ErrorKind::ExecAbort, Advice::Retry, nullptr},
    {"ERR", ErrorKind::Err, Advice::Final, nullptr},
};

const Known *find(QByteArrayView errorText)
{
    const qsizetype space = errorText.indexOf(' ');
    const QByteArrayView word = errorText.first(space < 0 ? errorText.size() : space);
    for (const Known &entry : known) {
        if (word == QByteArrayView(entry.word.data(), qsizetype(entry.word.size())))
            return &entry;
    }
    return nullptr;
}

} // namespace

ErrorKind errorKind(QByteArrayView errorText)
{
    // From before there was WRONGPASS, and what a Redis with no password says to one.
    if (errorText.startsWith("ERR invalid password") || errorText.startsWith("ERR AUTH <password>") ||
        errorText.startsWith("ERR Client sent AUTH"))
        return ErrorKind::WrongPass;
    const Known *entry = find(errorText);
    return entry ? entry->kind : ErrorKind::Other;
}

Advice adviceFor(ErrorKind kind)
{
    for (const Known &entry : known) {
        if (entry.kind == kind)
            return entry.advice;
    }
    return kind == ErrorKind::None ? Advice::Nothing : Advice::Retry;
}

Error describe(QByteArrayView errorText, const QString &place)
{
    // A server may say anything; one line of it will do.
    QString said = QString::fromUtf8(errorText.first(qMin<qsizetype>(errorText.size(), 300)));
    for (QChar &letter : said) {
        if (letter < QChar(' ') || (letter >= QChar(0x7f) && letter < QChar(0xa0))) // terminals obey these
            letter = QChar(' ');
    }
    const ErrorKind kind = errorKind(errorText);
    const Advice advice = adviceFor(kind);
    QString message = QStringLiteral("Redis at %1: %2").arg(place, said);
    for (const Known &entry : known) {
        if (entry.kind == kind && entry.help)
            message += QStringLiteral(" (%1)").arg(QLatin1String(entry.help));
    }
    const bool isOurs = advice == Advice::Configure || advice == Advice::Final;
    return {isOurs ? Error::Kind::Config : Error::Kind::Storage, message};
}

Result<Redirection> Redirection::parse(QByteArrayView errorText)
{
    const QList<QByteArray> words = errorText.toByteArray().split(' ');
    const QByteArray place = words.value(2);
    const qsizetype colon = place.lastIndexOf(':'); // an IPv6 address has no brackets here
    bool isSlot = false;
    bool isPort = false;
    Redirection result;
    result.slot = words.value(1).toInt(&isSlot);
    result.port = place.mid(colon + 1).toUShort(&isPort);
    if (!isSlot || !isPort || colon < 0 || result.slot < 0 || result.slot >= slotCount || result.port == 0)
        return Error{Error::Kind::Protocol,
                     QStringLiteral("Redis: expected a slot and host:port, got '%1'")
                         .arg(QString::fromUtf8(errorText.first(qMin<qsizetype>(errorText.size(), 100))))};
    result.host = QString::fromUtf8(place.left(colon));
    return result;
}

} // namespace tidemill::redis
