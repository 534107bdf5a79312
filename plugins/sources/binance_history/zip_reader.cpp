// SPDX-License-Identifier: Apache-2.0
#include "zip_reader.h"

#include <QFile>

#include <zip.h>

namespace tidemill::binance_history {

namespace {

Error broken(const QString &message)
{
    return {Error::Kind::Protocol, message};
}

constexpr zip_uint64_t needed =
    ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;

// What is wrong with the description of the entry; empty if nothing is.
QString fault(const zip_stat_t &entry, const QByteArray &name, const ZipReader::Limits &limits)
{
    if ((entry.valid & needed) != needed)
        return QStringLiteral("its description is not complete");
    if (name != entry.name)
        return QStringLiteral("expected %1 in it, found %2")
            .arg(QString::fromUtf8(name), QString::fromUtf8(QByteArray(entry.name).left(100)));
    if (entry.encryption_method != ZIP_EM_NONE)
        return QStringLiteral("it is encrypted");
    if (entry.comp_method != ZIP_CM_STORE && entry.comp_method != ZIP_CM_DEFLATE)
        return QStringLiteral("packed with method %1, expected deflate").arg(entry.comp_method);
    const auto most = zip_uint64_t(limits.bytes);
    const zip_uint64_t packed = qMin(entry.comp_size, most) + 1;
    if (entry.size > most || entry.size / zip_uint64_t(limits.ratio) > packed)
        return QStringLiteral("it claims to hold %1 bytes packed into %2")
            .arg(entry.size)
            .arg(entry.comp_size);
    return {};
}

} // namespace

void ZipReader::Close::operator()(zip *archive) const
{
    zip_discard(archive);
}

void ZipReader::Close::operator()(zip_file *file) const
{
    zip_fclose(file);
}

Result<std::unique_ptr<ZipReader>> ZipReader::open(const QString &path, const QByteArray &entryName,
                                                   const Limits &limits)
{
    std::unique_ptr<ZipReader> reader(new ZipReader);
    int code = 0;
    reader->m_archive.reset(zip_open(QFile::encodeName(path).constData(), ZIP_RDONLY, &code));
    if (!reader->m_archive) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        const QString text = QString::fromLocal8Bit(zip_error_strerror(&error));
        zip_error_fini(&error);
        return broken(QStringLiteral("no ZIP archive: %1").arg(text));
    }
    zip *archive = reader->m_archive.get();
    if (const zip_int64_t entries = zip_get_num_entries(archive, 0); entries != 1)
        return broken(QStringLiteral("expected one file in the ZIP archive, found %1").arg(entries));
    zip_stat_t entry;
    zip_stat_init(&entry);
    if (zip_stat_index(archive, 0, ZIP_FL_ENC_RAW, &entry) != 0)
        return broken(QString::fromLocal8Bit(zip_strerror(archive)));
    if (const QString wrong = fault(entry, entryName, limits); !wrong.isEmpty())
        return broken(QStringLiteral("ZIP archive: %1").arg(wrong));
    reader->m_size = qint64(entry.size);
    reader->m_file.reset(zip_fopen_index(archive, 0, 0));
    if (!reader->m_file)
        return broken(QStringLiteral("ZIP archive: %1").arg(QString::fromLocal8Bit(zip_strerror(archive))));
    return reader;
}

Result<qint64> ZipReader::read(std::span<char> buffer)
{
    const zip_int64_t count = zip_fread(m_file.get(), buffer.data(), buffer.size());
    if (count < 0)
        return broken(QStringLiteral("ZIP archive: %1 after %2 bytes")
                          .arg(QString::fromLocal8Bit(zip_file_strerror(m_file.get())))
                          .arg(m_read));
    m_read += count;
    if (m_read > m_size || (count == 0 && m_read < m_size))
        return broken(QStringLiteral("ZIP archive: it holds %1 bytes or more, not the %2 it claims")
                          .arg(m_read)
                          .arg(m_size));
    return qint64(count);
}

} // namespace tidemill::binance_history
