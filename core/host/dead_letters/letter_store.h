// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "letter_format.h"

#include <QDateTime>
#include <QFile>
#include <QStringList>

namespace tidemill::host {

// The dead letters of one sink: a folder of files, each written whole or not at all, named so that they sort
// by time. Others may read and remove them at any moment. One thread.
class LetterStore
{
public:
    struct Figures
    {
        quint64 letters = 0;
        qint64 bytes = 0; // on disk: a small file takes a block too
    };

    // Nothing is made before the first letter.
    LetterStore(const QString &folder, qint64 maxBytes);

    // Gives the file's path. The error: there is no room (isFull()), or the disk said no.
    Result<QString> write(DeadLetter letter);
    // Whether the last write() found the room spent.
    bool isFull() const { return m_full; }

    // What lies there now, whoever put it there or took it away.
    Figures figures();
    const QString &folder() const { return m_folder; }

private:
    bool isCurrent() const; // as coarse as the kernel's tick, so never the reason for a refusal
    void count();
    Result<QString> place(const QString &temporary, Timestamp time);

    const QString m_folder;
    const qint64 m_maxBytes;
    Figures m_figures;
    QDateTime m_looked; // the folder's time when it was last counted, or written to
    bool m_full = false;
};

// Where the letters of a node with that state directory are.
QString letterFolder(const QString &nodeStateDirectory);
// Whole paths, the oldest first.
QStringList letterFiles(const QString &folder);
// Until `lock` is closed, nobody else replays what is in that folder. Hosts may write letters there
// meanwhile.
Result<> lockReplay(QFile &lock, const QString &folder);
// All folders of letters below that folder, or the folder itself.
QStringList findLetterFolders(const QString &folder);
// The error begins with the path.
Result<DeadLetter> readLetter(const QString &path, DeliveryPtr delivery = {});

} // namespace tidemill::host
