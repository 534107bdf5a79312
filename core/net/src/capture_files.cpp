// SPDX-License-Identifier: Apache-2.0
#include "capture_files.h"

#include "capture_format.h"

#include <tidemill/timestamp.h>

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QRandomGenerator>
#include <QRegularExpression>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace tidemill::net {

namespace {

constexpr std::chrono::seconds endLimit{2};

QString sizeText(qint64 bytes)
{
    return QStringLiteral("%1 MiB").arg(double(bytes) / (1024 * 1024), 0, 'f', 1);
}

// The files of a capture, which only its thread touches.
class Files
{
public:
    explicit Files(CaptureSettings settings)
        : m_settings(std::move(settings))
        , m_directory(m_settings.directory)
        , m_run(QRandomGenerator::global()->generate())
    {}

    // Why it could not be; empty: it is written.
    QString write(const CaptureFiles::Block &block)
    {
        if (block.beginsFile || !m_file) {
            if (const QString error = beginFile(); !error.isEmpty())
                return error;
        }
        const QByteArray packed = capture::packBlock(block.records, m_number);
        if (packed.isEmpty())
            return QStringLiteral("there is no memory to compress what comes");
        if (!makeRoom(packed.size()))
            return QStringLiteral("the captures in %1 have reached capture_max_bytes (%2)")
                .arg(m_directory.path(), sizeText(m_settings.maxBytes));
        ++m_number;
        return append(packed);
    }

    qint64 fileBytes() const { return m_fileBytes; }

private:
    QString fileName() const
    {
        const QDateTime now = QDateTime::currentDateTimeUtc();
        return QStringLiteral("%1-%2-%3-%4.tmcap")
            .arg(m_settings.name, now.toString(QStringLiteral("yyyyMMdd'T'hhmmsszzz'Z'")))
            .arg(m_run, 8, 16, QLatin1Char('0'))
            .arg(m_filesMade, 6, 10, QLatin1Char('0'));
    }

    QString beginFile()
    {
        if (!m_directory.mkpath(QStringLiteral(".")))
            return QStringLiteral("cannot make the folder %1").arg(m_directory.path());
        ++m_filesMade;
        m_file = std::make_unique<QFile>(m_directory.filePath(fileName()));
        m_fileBytes = 0;
        m_number = 0;
        // Never onto a file that is there. Only we may read it: it may say what somebody collects.
        if (!m_file->open(QIODevice::WriteOnly | QIODevice::NewOnly | QIODevice::Unbuffered))
            return QStringLiteral("cannot make %1: %2").arg(m_file->fileName(), m_file->errorString());
        m_file->setPermissions(QFile::ReadOwner | QFile::WriteOwner);
        return append(capture::fileMagic);
    }

    QString append(QByteArrayView bytes)
    {
        // A disk that is nearly full takes a part, and says why only when it is asked to take the rest.
        for (qsizetype done = 0; done < bytes.size();) {
            const qint64 count = m_file->write(bytes.data() + done, bytes.size() - done);
            if (count > 0) {
                done += count;
                continue;
            }
            const QString error = m_file->errorString();
            m_file->resize(m_fileBytes); // half a block is of no use
            return QStringLiteral("cannot write %1: %2").arg(m_file->fileName(), error);
        }
        m_fileBytes += bytes.size();
        m_total = m_total.value_or(0) + bytes.size();
        return {};
    }

    bool makeRoom(qint64 bytes)
    {
        if (!m_total)
            m_total = 0;
        if (m_others < 0)
            m_others = sizeOfOthers();
        while (m_others + *m_total + bytes > m_settings.maxBytes) {
            if (!m_settings.deletesOldest || !deleteOldest())
                return false;
        }
        return true;
    }

    QFileInfoList files() const
    {
        const QRegularExpression form(QLatin1Char('^') + QRegularExpression::escape(m_settings.name) +
                                      QStringLiteral("-\\d{8}T\\d{9}Z-[0-9a-f]{8}-\\d{6}\\.tmcap$"));
        QFileInfoList found;
        for (const QFileInfo &file : m_directory.entryInfoList(QDir::Files, QDir::Name)) {
            if (form.match(file.fileName()).hasMatch())
                found.append(file);
        }
        return found;
    }

    // What earlier runs left.
    qint64 sizeOfOthers() const
    {
        qint64 size = -*m_total;
        for (const QFileInfo &file : files())
            size += file.size();
        return std::max<qint64>(size, 0);
    }

    bool deleteOldest()
    {
        const QFileInfoList all = files();
        if (all.isEmpty() || all.first().fileName() == QFileInfo(m_file->fileName()).fileName())
            return false;
        const qint64 size = all.first().size();
        if (!QFile::remove(all.first().filePath()))
            return false;
        m_others -= size; // may go below zero for a file of this run: the sum counts
        return true;
    }

    CaptureSettings m_settings;
    QDir m_directory;
    quint32 m_run;
    int m_filesMade = -1;
    std::unique_ptr<QFile> m_file;
    qint64 m_fileBytes = 0;
    quint32 m_number = 0;
    std::optional<qint64> m_total; // written by this run
    qint64 m_others = -1;          // of other runs; -1: not looked yet
};

} // namespace

struct CaptureFiles::Shared
{
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<Block> queue;
    Status status;
    bool isClosing = false;
    bool hasEnded = false;

    void run(CaptureSettings settings)
    {
        std::optional<Files> files(std::in_place, std::move(settings));
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [this] { return isClosing || !queue.empty(); });
            if (queue.empty())
                break;
            const Block block = std::move(queue.front());
            queue.pop_front();
            const bool isStopped = !status.stopped.isEmpty();
            lock.unlock();
            const QString error = isStopped ? QString() : files->write(block);
            lock.lock();
            status.queuedBytes -= block.records.size();
            if (isStopped || !error.isEmpty())
                status.lostFrames += block.frames;
            else
                status.writtenBytes += block.records.size();
            if (!error.isEmpty())
                status.stopped = error;
            status.files += block.beginsFile;
            status.fileBytes = files->fileBytes();
        }
        // All that the thread has from elsewhere goes before anybody hears of its end.
        lock.unlock();
        files.reset();
        lock.lock();
        hasEnded = true;
        changed.notify_all();
    }
};

CaptureFiles::CaptureFiles(const CaptureSettings &settings) : m_shared(std::make_shared<Shared>())
{
    std::thread([shared = m_shared, own = settings]() mutable { shared->run(std::move(own)); }).detach();
}

CaptureFiles::~CaptureFiles()
{
    std::unique_lock lock(m_shared->mutex);
    m_shared->isClosing = true;
    m_shared->changed.notify_all();
    m_shared->changed.wait_for(lock, endLimit, [this] { return m_shared->hasEnded; });
}

void CaptureFiles::add(Block block)
{
    const std::lock_guard lock(m_shared->mutex);
    m_shared->status.queuedBytes += block.records.size();
    m_shared->queue.push_back(std::move(block));
    m_shared->changed.notify_all();
}

CaptureFiles::Status CaptureFiles::status() const
{
    const std::lock_guard lock(m_shared->mutex);
    return m_shared->status;
}

} // namespace tidemill::net
