// SPDX-License-Identifier: Apache-2.0
#include "spool_cursor.h"

#include "spool_files.h"

#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcSpoolCursor, "tidemill.host.spool")

namespace tidemill::host {

namespace {

QString cursorPath(const QString &folder)
{
    return folder + QStringLiteral("/cursor");
}

} // namespace

quint64 readSpoolCursor(const QString &folder)
{
    const QString path = cursorPath(folder);
    const QByteArray data = readWholeFile(path);
    if (data.isEmpty()) // not yet written to
        return 0;
    const auto confirmed = parseSpoolCursor(data);
    if (!confirmed)
        qCWarning(lcSpoolCursor).noquote()
            << path + QStringLiteral(": damaged; what is in the spool is delivered again");
    return confirmed.value_or(0);
}

Result<> SpoolCursor::open(const QString &folder, quint64 confirmed)
{
    m_file.setFileName(cursorPath(folder));
    if (!m_file.open(QIODevice::ReadWrite | QIODevice::Unbuffered))
        return Error{Error::Kind::Storage,
                     QStringLiteral("%1: %2").arg(m_file.fileName(), m_file.errorString())};
    // The second slot first: should only the first one hold the number, it stays until the other has it. Both
    // are written now, so that a full disk cannot keep them from being written later.
    for (const int slot : {1, 0}) {
        m_slot = slot;
        if (const auto saved = save(confirmed); !saved)
            return saved;
    }
    return {};
}

Result<> SpoolCursor::save(quint64 confirmed)
{
    const QByteArray slot = spoolCursor(confirmed);
    if (!m_file.seek(m_slot * spoolCursorSpacing) || m_file.write(slot) != slot.size())
        return Error{Error::Kind::Storage,
                     QStringLiteral("%1: %2").arg(m_file.fileName(), m_file.errorString())};
    m_slot = 1 - m_slot;
    return {};
}

} // namespace tidemill::host
