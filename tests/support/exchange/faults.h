// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QHash>
#include <QList>
#include <QString>

#include <chrono>
#include <optional>

namespace tidemill::exchange {

// Something that goes wrong. Written as
//   close:CODE  abort  refuse:DURATION  status:CODE[:RETRY_AFTER][:DURATION]  silence:DURATION[:SYMBOL]
//   nopong[:DURATION] gap:N[:STREAM]  repeat:N[:STREAM]  serverShutdown[:DELAY]
//   corrupt:N[:STREAM]
//   rest:CODE[:RETRY_AFTER][:DURATION][:PATH]  slow:DELAY[:DURATION][:PATH]  truncate:N  stale:N
struct Fault
{
    enum Kind {
        Close,
        Abort,
        Refuse,
        Status,
        Silence,
        NoPong,
        Gap,
        Repeat,
        Corrupt, // the checksum of a book
        ServerShutdown,
        Rest,
        Slow,
        Truncate,
        Stale
    };

    Kind kind = Close;
    int number = 0;      // close code, status, or how many
    int retryAfter = -1; // seconds; no header when negative
    std::chrono::milliseconds delay{0};
    std::chrono::milliseconds duration{0};
    QByteArray stream; // empty: every stream whose events are numbered without holes
    QByteArray target; // the symbol that falls silent, or how the paths concerned begin; empty: all

    static std::optional<Fault> parse(const QString &text, QString *error);
};

// A fault with its time: "SPEC@5s" counts from the start of the program, "SPEC@data+5s" from the first data.
struct PlannedFault
{
    Fault fault;
    std::chrono::milliseconds at{0};
    bool afterData = false;

    static std::optional<PlannedFault> parse(const QString &text, QString *error);
};

// "250ms", "5s", "2m", "24h".
std::optional<std::chrono::milliseconds> parseDuration(const QString &text);

// Decides how often each frame is sent: once as a rule, not at all in a gap, twice when repeating.
class FrameMangler
{
public:
    void add(const Fault &fault);
    int copies(const QByteArray &stream);
    bool corrupts(const QByteArray &stream);

private:
    struct Rule
    {
        Fault fault;
        QHash<QByteArray, int> done; // frames of each stream that it has met
    };
    Rule *take(const QByteArray &stream, bool corrupt);

    QList<Rule> m_rules;
};

} // namespace tidemill::exchange
