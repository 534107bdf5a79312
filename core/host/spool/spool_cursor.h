// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QFile>

namespace tidemill::host {

// The file that says up to where everything is confirmed. Saving is one small write into the slot that does
// not hold the newest number, without a sync: whenever the process is killed, one slot is whole. One thread
// at a time.
class SpoolCursor
{
public:
    // Makes the file, or goes on with the one that is there, whose number is `confirmed`.
    Result<> open(const QString &folder, quint64 confirmed);
    Result<> save(quint64 confirmed);
    void close() { m_file.close(); }

private:
    QFile m_file;
    int m_slot = 0; // to write to next
};

// Nothing readable counts as 0: everything is delivered again, which does no harm.
quint64 readSpoolCursor(const QString &folder);

} // namespace tidemill::host
