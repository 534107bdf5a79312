// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QByteArray>
#include <QHash>
#include <QString>

#include <mutex>

namespace tidemill::host {

// The positions of one source on disk: a small text file that is replaced as a whole, so that whoever kills
// the process finds the old one or the new one. Any thread.
//
//     tidemill positions 1
//     BTCUSDT%20trade 5000000273%201772442917897000000
//     end 1 4a17b156
//
// One line for each stream, both words percent-encoded; then how many there are and the CRC-32C of all
// before.
class CheckpointStore
{
public:
    using Positions = QHash<QByteArray, QByteArray>;

    // `folder` is made when there is something to keep.
    explicit CheckpointStore(const QString &folder);

    const QString &path() const { return m_path; }

    // None if there is no file. A file that cannot be used is put aside under another name, and the error
    // says so.
    Result<Positions> load();
    // Returns when it is on the disk. Does nothing if a save with a higher number was there before.
    Result<> save(const Positions &positions, quint64 number);

    static QByteArray encode(const Positions &positions);
    // The error says what is wrong with the text.
    static Result<Positions> decode(QByteArrayView text);

private:
    QString m_folder;
    QString m_path;
    std::mutex m_lock;
    quint64 m_saved = 0;
};

} // namespace tidemill::host
