// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/zip_file.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QProcess>

// Bulk files as a test wants them.

namespace tidemill::testing {

inline bool writeFile(const QString &path, const QByteArray &content)
{
    QFile file(path);
    return QDir().mkpath(path.section(u'/', 0, -2)) && file.open(QIODevice::WriteOnly) &&
           file.write(content) == content.size();
}

// A bulk file with its checksum in a folder that is laid out like the server; `stem` is its name without
// .zip.
inline bool writeArchive(const QString &folder, const QString &path, const QString &stem,
                         const QByteArray &csv)
{
    const QByteArray zip = exchange::zipFile(stem.toUtf8() + ".csv", csv);
    const QString file = folder + "/data/spot/" + path + '/' + stem + ".zip";
    const QByteArray hash = QCryptographicHash::hash(zip, QCryptographicHash::Sha256).toHex();
    return writeFile(file, zip) && writeFile(file + ".CHECKSUM", hash + "  " + stem.toUtf8() + ".zip\n");
}

// What a Python program prints; empty if it fails.
inline QByteArray python(const QByteArray &program, const QStringList &arguments)
{
    QProcess process;
    process.start(QStringLiteral("python3"), QStringList{"-c", QString::fromUtf8(program)} + arguments);
    if (!process.waitForFinished(60000) || process.exitCode() != 0) {
        qWarning("python3: %s", process.readAllStandardError().constData());
        return {};
    }
    return process.readAllStandardOutput().trimmed();
}

} // namespace tidemill::testing
