// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QByteArrayView>
#include <QFile>

namespace tidemill {

// A file, or something like a pipe, that whole lines are appended to. What a failed append has left of its
// lines in a file is cut off again; from a pipe nothing can be taken back, so there append() says how far it
// got.
class LineFile
{
public:
    // "-" is the standard output. Creates missing folders. In a file that ends within a line, the torn line
    // is removed: whoever was stopped while writing it had not confirmed it.
    Result<> open(const QString &path);
    void close() { m_file.close(); }

    // True if what was written stays written whatever happens.
    bool isPipe() const { return m_pipe; }

    // How many bytes of `lines` the system has taken: all of them, unless `error` is set. Then none in a
    // file.
    qsizetype append(QByteArrayView lines, Error *error);

private:
    Result<> removeTornLine();
    Result<> cutBack();
    Error storageError(const QString &what) const;

    QString m_path;
    QFile m_file;
    bool m_pipe = false;
    bool m_dirty = false; // behind m_good there may be a piece of a failed append
    qint64 m_good = 0;    // size of the file up to its last whole append
};

} // namespace tidemill
