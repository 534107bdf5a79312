// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArrayList>
#include <QStringList>

#include <optional>

namespace tidemill::exchange {

// What the path and query of a connection ask for.
struct Target
{
    bool combined = false; // /stream wraps, /ws does not
    bool microseconds = false;
    QByteArrayList streams;

    // Nothing when it is neither /ws[/<stream>] nor /stream[?streams=<a>/<b>].
    static std::optional<Target> parse(const QByteArray &target);
};

// What control messages read and change.
struct ControlState
{
    bool combined = false;
    QByteArrayList streams; // in the order of subscription
    bool sbe = false;       // other kinds of streams exist then
};

struct ControlRules
{
    int maxStreams = 1024;
    bool wrappedErrors = false;
};

// Carries out one control message of a client and returns the reply. `remarks` gets what a sloppy client
// should be told of although the exchange itself says nothing.
QByteArray answerControl(const QByteArray &message, ControlState &state, const ControlRules &rules,
                         QStringList *remarks);

// What is odd about a stream name that is accepted and never delivers; empty when nothing is.
QString remarkOnStream(const QByteArray &stream, bool sbe = false);

} // namespace tidemill::exchange
