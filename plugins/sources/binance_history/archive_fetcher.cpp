// SPDX-License-Identifier: Apache-2.0
#include "archive_fetcher.h"

#include <QDir>

#include <algorithm>

namespace tidemill::binance_history {

namespace {

constexpr qint64 pieceBytes = 8LL << 20;
constexpr std::chrono::minutes pieceTimeout{1};
constexpr qint64 slack = 64 * 1024; // a reply that ignores Range may still be the whole file
constexpr qsizetype hashDigits = 64;

// "<hex>  <file name>", as sha256sum prints it; empty if it is something else.
QByteArray hashFromLine(const QByteArray &line)
{
    const QByteArray hex = line.left(hashDigits).toLower();
    const bool isHex = std::all_of(hex.begin(), hex.end(), [](char digit) {
        return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
    });
    const bool ends = line.size() == hashDigits || line.mid(hashDigits, 1).trimmed().isEmpty();
    return hex.size() == hashDigits && isHex && ends ? hex : QByteArray();
}

// "bytes 0-1023/4096": where the piece begins and how long the file is.
std::optional<std::pair<qint64, qint64>> readRange(const QByteArray &value)
{
    const qsizetype dash = value.indexOf('-');
    const qsizetype slash = value.indexOf('/');
    if (!value.startsWith("bytes ") || dash < 0 || slash < dash)
        return {};
    bool first = false;
    bool second = false;
    const qint64 begin = value.mid(6, dash - 6).toLongLong(&first);
    const qint64 size = value.mid(slash + 1).toLongLong(&second);
    return first && second && begin >= 0 && size >= 0 ? std::optional(std::pair(begin, size)) : std::nullopt;
}

} // namespace

ArchiveFetcher::ArchiveFetcher(QObject *parent) : QObject(parent)
{
    connect(&m_rest, &net::RestClient::troubled, this, &ArchiveFetcher::troubled);
    connect(&m_rest, &net::RestClient::recovered, this, &ArchiveFetcher::recovered);
}

Result<> ArchiveFetcher::configure(const Settings &settings)
{
    net::RestSettings rest;
    rest.http = settings.http;
    rest.http.timeout = pieceTimeout;
    rest.http.maxBodyBytes = pieceBytes + slack;
    rest.limits.blockingStatuses = {429, 418};
    if (const auto configured = m_rest.configure(rest); !configured)
        return configured;
    m_settings = settings;
    QFile::remove(temporaryFile()); // of a run that was killed
    return {};
}

QString ArchiveFetcher::temporaryFile() const
{
    return QDir(m_settings.temporaryFolder).filePath(QStringLiteral("archive.zip.part"));
}

void ArchiveFetcher::fetch(const QByteArray &path, Answer answer)
{
    release();
    m_path = path;
    m_answer = std::move(answer);
    m_request = std::make_unique<QObject>();
    m_hash.reset();
    m_size = -1;
    m_wantedHash.clear();
    if (m_settings.url.isEmpty())
        QTimer::singleShot(0, m_request.get(), [this] { openLocal(); });
    else
        get(".CHECKSUM", {}, &ArchiveFetcher::takeChecksum);
}

void ArchiveFetcher::release()
{
    m_rest.cancel(m_request.get());
    m_request.reset();
    m_answer = {};
    m_file.close();
    if (std::exchange(m_isTemporary, false))
        m_file.remove();
}

void ArchiveFetcher::openLocal()
{
    m_file.setFileName(QDir(m_settings.folder).filePath(QString::fromUtf8(m_path)));
    if (!m_file.exists())
        return tell(std::optional<QString>());
    if (!m_file.open(QIODevice::ReadOnly))
        return tellError(m_file.errorString());
    QFile checksum(m_file.fileName() + QStringLiteral(".CHECKSUM"));
    if (checksum.open(QIODevice::ReadOnly)) {
        m_wantedHash = hashFromLine(checksum.read(hashDigits + 1));
        if (m_wantedHash.isEmpty())
            return tellError(QStringLiteral("its .CHECKSUM holds no SHA-256 sum"));
    } else if (checksum.exists()) {
        return tellError(checksum.errorString());
    }
    hashLocal();
}

// A piece for each turn of the event loop.
void ArchiveFetcher::hashLocal()
{
    if (m_wantedHash.isEmpty())
        return tell(std::optional<QString>(m_file.fileName()));
    const QByteArray piece = m_file.read(pieceBytes);
    m_hash.addData(piece);
    emit progressed();
    if (m_file.error() != QFileDevice::NoError)
        return tellError(m_file.errorString());
    if (m_file.atEnd())
        return finishHash();
    QTimer::singleShot(0, m_request.get(), [this] { hashLocal(); });
}

void ArchiveFetcher::get(const QByteArray &suffix, const net::HeaderList &headers,
                         void (ArchiveFetcher::*take)(const net::HttpReply &))
{
    QUrl url = m_settings.url;
    QString path = url.path();
    while (path.endsWith(u'/'))
        path.chop(1);
    url.setPath(path + u'/' + QString::fromUtf8(m_path + suffix));
    // A bulk file costs nothing of what may be asked of the host.
    m_rest.get({.url = url, .weight = 0, .headers = headers}, m_request.get(),
               [this, take](const net::HttpReply &reply) {
                   emit progressed();
                   (this->*take)(reply);
               });
}

void ArchiveFetcher::takeChecksum(const net::HttpReply &reply)
{
    if (!reply.error && reply.status == 404)
        return tell(std::optional<QString>());
    if (!reply.isSuccess())
        return tellError(reply.error ? reply.error->message
                                     : QStringLiteral("HTTP %1 for its checksum").arg(reply.status));
    m_wantedHash = hashFromLine(reply.body.left(hashDigits + 1));
    if (m_wantedHash.isEmpty())
        return tellError(QStringLiteral("its .CHECKSUM holds no SHA-256 sum"));
    if (!QDir().mkpath(m_settings.temporaryFolder))
        return tellError(QStringLiteral("cannot make the folder %1").arg(m_settings.temporaryFolder));
    m_file.setFileName(temporaryFile());
    if (!m_file.open(QIODevice::ReadWrite | QIODevice::Truncate))
        return tellError(QStringLiteral("%1: %2").arg(m_file.fileName(), m_file.errorString()));
    m_isTemporary = true;
    askPiece();
}

void ArchiveFetcher::askPiece()
{
    const qint64 at = m_file.pos();
    const QByteArray range =
        "bytes=" + QByteArray::number(at) + '-' + QByteArray::number(at + pieceBytes - 1);
    get({}, {{"Range", range}}, &ArchiveFetcher::takePiece);
}

void ArchiveFetcher::takePiece(const net::HttpReply &reply)
{
    if (!reply.error && reply.status == 404)
        return tell(std::optional<QString>());
    if (reply.error || (reply.status != 206 && reply.status != 200))
        return tellError(reply.error ? reply.error->message : QStringLiteral("HTTP %1").arg(reply.status));
    std::pair<qint64, qint64> range(0, reply.body.size()); // a server that does not know Range sends it all
    if (reply.status == 206) {
        const auto told = readRange(net::findHeader(reply.headers, "Content-Range").value_or(QByteArray()));
        if (!told)
            return tellError(QStringLiteral("a piece without a Content-Range that can be read"));
        range = *told;
    }
    const auto [begin, size] = range;
    if (begin != m_file.pos() || (m_size >= 0 && size != m_size) || reply.body.isEmpty())
        return tellError(QStringLiteral("the pieces do not fit together; was it replaced meanwhile?"));
    if (size > m_settings.maxBytes)
        return tellError(
            QStringLiteral("%1 bytes are more than archive_max (%2)").arg(size).arg(m_settings.maxBytes));
    m_size = size;
    if (m_file.write(reply.body) != reply.body.size() || !m_file.flush())
        return tellError(QStringLiteral("%1: %2").arg(m_file.fileName(), m_file.errorString()));
    m_hash.addData(reply.body);
    if (m_file.pos() < m_size)
        askPiece();
    else
        finishHash();
}

void ArchiveFetcher::finishHash()
{
    const QByteArray hash = m_hash.result().toHex();
    if (hash != m_wantedHash)
        return tellError(QStringLiteral("its SHA-256 sum is %1, expected %2")
                             .arg(QString::fromLatin1(hash), QString::fromLatin1(m_wantedHash)));
    m_file.close();
    tell(std::optional<QString>(m_file.fileName()));
}

void ArchiveFetcher::tellError(const QString &what)
{
    tell(Error{Error::Kind::Protocol, QStringLiteral("%1: %2").arg(QString::fromUtf8(m_path), what)});
}

void ArchiveFetcher::tell(const Result<std::optional<QString>> &answer)
{
    const Answer told = std::exchange(m_answer, {});
    m_request.release()->deleteLater(); // we may be within a call that it is the context of
    if (!answer || !*answer)
        release();
    else
        m_file.close();
    told(answer);
}

} // namespace tidemill::binance_history
