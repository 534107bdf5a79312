// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>
#include <tidemill/result.h>
#include <tidemill/timestamp.h>

#include <QList>
#include <QString>

namespace tidemill::host {

// Records that a sink could not store, and why.
struct DeadLetter
{
    // What was said about the next so many rows.
    struct Cause
    {
        qint64 rows = 0;
        QString message;
    };

    Timestamp time;
    QString pipeline;
    QString sink;
    QString reason; // "rejected", "given_up"
    QList<Cause> causes;
    BatchPtr batch;

    // Why that row; empty if nothing was said.
    QString causeOf(qsizetype row) const;
};

// docs/formats/dead-letter.md. The error: it is too large for a file.
Result<QByteArray> encodeDeadLetter(const DeadLetter &letter);
// The bytes may be anything. The batch gets that delivery.
Result<DeadLetter> decodeDeadLetter(QByteArrayView data, DeliveryPtr delivery = {});

} // namespace tidemill::host
