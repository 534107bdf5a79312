// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "delivery_words.h"
#include "host_settings.h"
#include "queue_policy.h"

#include <tidemill/backoff.h>
#include <tidemill/option.h>
#include <tidemill/value.h>

#include <QList>
#include <QString>
#include <QStringList>

#include <chrono>
#include <optional>

namespace tidemill::host {

enum class NodeKind { Source, Transform, Sink };

// "source", "transform", "sink".
QString nodeKindName(NodeKind kind);

// One entry of `inputs`: a node, or one record type of a node ("btc.trade").
struct InputRef
{
    QString node;
    QString recordType; // empty: all
    Place place;
};

// Which of a source's streams must have been silent for too long until health fails.
enum class StaleWhen { AnyStream, AllStreams };

// What the host itself can be told about a node, whatever its plugin.
struct NodeSettings
{
    QString thread; // empty: as the plugin's metadata says
    // The queue in front of a node on another thread, and in front of every sink.
    qint64 queueRows = 65'536;
    ByteSize queueBytes{8 << 20};
    QueuePolicy queuePolicy = QueuePolicy::Block;
    // On disk is the same as QueuePolicy::Spool; the others are of a buffer on disk, for each input.
    BufferType bufferType = BufferType::Memory;
    ByteSize bufferMax{1 << 30};
    SpoolFsync bufferFsync = SpoolFsync::Never;
    // A group that a sink makes safe together ends at so many rows or bytes, or when the queue is empty. With
    // a linger it is not begun before it is full or its first record has waited so long.
    qint64 batchRows = 5'000;
    ByteSize batchBytes{4 << 20};
    std::chrono::milliseconds batchLinger{0};
    // Between attempts of a sink that failed.
    std::chrono::milliseconds retryInitial{250};
    std::chrono::milliseconds retryMax{10'000};
    Jitter retryJitter = Jitter::Full;
    // What has failed for so long, while nothing was delivered, is treated as onError says; nothing: never.
    std::optional<std::chrono::milliseconds> retryGiveUp;
    QString retryGiveUpText = QStringLiteral("never");
    // After so many failures in a row nothing is offered for the pause; 0: that never happens.
    qint64 breakerFailures = 5;
    std::chrono::milliseconds breakerPause{10'000};
    OnError onError = OnError::DeadLetter;
    ByteSize deadLettersMax{256 << 20};
    // A stream of a source without data for so long makes health fail; 0 never does.
    std::chrono::milliseconds staleAfter{60'000};
    StaleWhen staleWhen = StaleWhen::AnyStream;
    std::chrono::milliseconds startupGrace{300'000};
};

struct NodeDescription
{
    QString name;
    NodeKind kind = NodeKind::Source;
    QString type; // the plugin's id
    QList<InputRef> inputs;
    NodeSettings settings;
    Value options;   // a map: what is the plugin's own
    Place place;     // of the name
    Place typePlace; // of the type's value
};

// A pipeline file, read and checked as far as that goes without plugins.
struct PipelineDescription
{
    QString file; // as given
    QString name;
    HostSettings host;
    QList<NodeDescription> nodes; // sources, transforms, sinks; each in the order written
    // What came from ${...}, defaults excepted, longest first: never to be printed.
    QStringList secrets;
};

// One thing wrong with a file. Printed as FILE:LINE:COL: error: MESSAGE, the line, a caret and the
// suggestion. Without a column the line itself is not printed (it is one of a .env), without a line nothing
// of the file is.
struct Diagnostic
{
    QString file;
    Place place;
    QString message;
    QString suggestion;
    bool isPluginFault = false; // a plugin cannot be used, and nothing in the file is wrong
};

} // namespace tidemill::host
