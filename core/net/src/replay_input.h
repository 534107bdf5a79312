// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "recorded_event.h"

#include <tidemill/result.h>

#include <QFile>
#include <QStringList>

#include <memory>

namespace tidemill::net {

class CaptureReader;
class TapeReader;

// All that a replay plays, in order: a tape, a capture file, or the captures of one node in a folder.
class ReplayInput
{
public:
    // An error if there is nothing to play there, or captures of several nodes, or of another exchange.
    static Result<std::unique_ptr<ReplayInput>> open(const QString &path, const QByteArray &exchange);
    ~ReplayInput();

    // False: the end. An error ends it too, see error().
    bool next(RecordedEvent &event);
    QString error() const { return m_error; }
    // What could not be played, for a person; empty: nothing.
    QString damage() const;
    qint64 damagedBytes() const { return m_damagedBytes; }

private:
    struct Current;

    explicit ReplayInput(QStringList files);
    bool openNext();
    void closeCurrent();

    QStringList m_files; // that are still to be played
    std::unique_ptr<Current> m_current;
    QByteArray m_lastBegin; // of the file before
    bool m_wasTorn = false; // that was
    qint64 m_damagedBytes = 0;
    qint64 m_tornBytes = 0;
    qint64 m_badLines = 0;
    QString m_error;
};

} // namespace tidemill::net
