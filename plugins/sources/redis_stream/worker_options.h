// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entry_reader.h"

#include <chrono>

namespace tidemill::redis_stream {

// What is written of the source in a pipeline file.
struct WorkerOptions
{
    enum class Cluster { Auto, On, Off };

    OptionList list();
    // Also makes the reader of entries that the options describe; it is of use only if there are no errors.
    OptionErrors validate(EntryReader &reader) const;

    QString url;
    QStringList streams;
    std::chrono::milliseconds refresh{10000};
    qint64 maxStreams = 1000;
    QString group = QStringLiteral("tidemill");
    QString consumer;
    QString from = QStringLiteral("0");
    QString record = QStringLiteral("trade");
    Value fields;
    QString timeZone = QStringLiteral("UTC");
    qint64 count = 1000;
    std::chrono::milliseconds block{1000};
    std::chrono::milliseconds minIdle{60000};
    qint64 maxDeliveries = 0;
    Cluster cluster = Cluster::Auto;
    QString caFile;
};

} // namespace tidemill::redis_stream
