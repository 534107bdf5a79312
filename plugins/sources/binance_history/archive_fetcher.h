// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/rest_client.h>

#include <QCryptographicHash>
#include <QFile>
#include <QTimer>

#include <functional>
#include <memory>
#include <optional>

namespace tidemill::binance_history {

// Brings bulk files, one at a time, with their checksums verified: from a server in pieces (each is asked for
// with Range, so that neither memory nor one request has to hold a file of gigabytes) into a temporary file,
// or from a folder that is laid out like the server, where they lie.
class ArchiveFetcher : public QObject
{
    Q_OBJECT

public:
    struct Settings
    {
        QUrl url;       // empty: the folder
        QString folder; // a local one
        QString temporaryFolder;
        qint64 maxBytes = 0;    // a longer file is an error
        net::HttpSettings http; // CAs and proxy
    };

    // The file's path, until release(); nothing if there is no such file; an error if it cannot be used.
    // Trouble that passes is RestClient's.
    using Answer = std::function<void(const Result<std::optional<QString>> &)>;

    explicit ArchiveFetcher(QObject *parent);

    Result<> configure(const Settings &settings);
    bool isLocal() const { return m_settings.url.isEmpty(); }
    void fetch(const QByteArray &path, Answer answer);
    // Deletes what was fetched; what is under way is forgotten.
    void release();

Q_SIGNALS:
    void troubled(const tidemill::Error &cause);
    void recovered();
    void progressed();

private:
    QString temporaryFile() const;
    void openLocal();
    void hashLocal();
    void askChecksum();
    void askPiece();
    void takePiece(const net::HttpReply &reply);
    void get(const QByteArray &suffix, const net::HeaderList &headers,
             void (ArchiveFetcher::*take)(const net::HttpReply &));
    void takeChecksum(const net::HttpReply &reply);
    void finishHash();
    void tellError(const QString &what);
    void tell(const Result<std::optional<QString>> &answer);

    Settings m_settings;
    QByteArray m_path;
    Answer m_answer;
    QByteArray m_wantedHash; // empty: a local file without one
    QCryptographicHash m_hash{QCryptographicHash::Sha256};
    QFile m_file;
    bool m_isTemporary = false;
    qint64 m_size = -1;                 // by the server
    std::unique_ptr<QObject> m_request; // context of what is under way
    net::RestClient m_rest{this};
};

} // namespace tidemill::binance_history
