// SPDX-License-Identifier: Apache-2.0
#include "replay_input.h"

#include "capture_reader.h"
#include "tape_reader.h"

#include <QDir>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSet>

#include <optional>
#include <utility>

namespace tidemill::net {

namespace {

constexpr qint64 lookedAt = 4096; // of a file, to see what it is

Error wrong(const QString &what)
{
    return {Error::Kind::Config, what};
}

QJsonObject beginOf(const QString &path)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return {};
    CaptureReader reader(file);
    RecordedEvent event;
    // It is the first, unless that is damaged.
    return reader.next(event) ? QJsonDocument::fromJson(reader.begin()).object() : QJsonObject();
}

// Which run of a collector, and which file of it.
std::pair<QString, qint64> placeOf(const QByteArray &begin)
{
    const QJsonObject object = QJsonDocument::fromJson(begin).object();
    return {object.value(QLatin1String("run")).toString(), object.value(QLatin1String("file")).toInteger()};
}

Result<> checkExchange(const QJsonObject &begin, const QByteArray &exchange, const QString &path)
{
    const QString found = begin.value(QLatin1String("exchange")).toString();
    if (found.isEmpty() || found.toUtf8() == exchange)
        return {};
    return wrong(QStringLiteral("%1: expected a capture of %2, got one of %3")
                     .arg(path, QString::fromUtf8(exchange), found));
}

Result<QStringList> filesOfFolder(const QString &path, const QByteArray &exchange)
{
    QStringList files;
    QSet<QString> owners;
    for (const QFileInfo &file :
         QDir(path).entryInfoList({QStringLiteral("*.tmcap")}, QDir::Files, QDir::Name)) {
        const QJsonObject begin = beginOf(file.filePath());
        if (const auto checked = checkExchange(begin, exchange, file.filePath()); !checked)
            return checked.error();
        files.append(file.filePath());
        if (!begin.isEmpty())
            owners.insert(begin.value(QLatin1String("pipeline")).toString() + QLatin1Char('/') +
                          begin.value(QLatin1String("node")).toString());
    }
    if (files.isEmpty())
        return wrong(
            QStringLiteral("expected captures (*.tmcap) in the folder %1, there are none").arg(path));
    if (owners.size() > 1) {
        QStringList names(owners.begin(), owners.end());
        names.sort();
        return wrong(QStringLiteral("%1 has captures of several nodes (%2): expected one folder for each")
                         .arg(path, names.join(QStringLiteral(", "))));
    }
    return files;
}

} // namespace

struct ReplayInput::Current
{
    explicit Current(const QString &path) : file(path) {}

    QFile file;
    std::optional<CaptureReader> capture;
    std::optional<TapeReader> tape;
};

ReplayInput::ReplayInput(QStringList files) : m_files(std::move(files)) {}
ReplayInput::~ReplayInput() = default;

Result<std::unique_ptr<ReplayInput>> ReplayInput::open(const QString &path, const QByteArray &exchange)
{
    if (QFileInfo(path).isDir()) {
        auto files = filesOfFolder(path, exchange);
        if (!files)
            return files.error();
        return std::unique_ptr<ReplayInput>(new ReplayInput(*files));
    }
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return wrong(QStringLiteral("cannot read %1: %2").arg(path, file.errorString()));
    const QByteArray begin = file.peek(lookedAt);
    if (CaptureReader::isCapture(begin)) {
        if (const auto checked = checkExchange(beginOf(path), exchange, path); !checked)
            return checked.error();
    } else if (!TapeReader::isTape(begin)) {
        return wrong(QStringLiteral("%1 is neither a capture nor a tape").arg(path));
    }
    return std::unique_ptr<ReplayInput>(new ReplayInput({path}));
}

bool ReplayInput::openNext()
{
    if (m_files.isEmpty())
        return false;
    m_current = std::make_unique<Current>(m_files.takeFirst());
    if (!m_current->file.open(QIODevice::ReadOnly)) {
        m_error = QStringLiteral("cannot read %1: %2")
                      .arg(m_current->file.fileName(), m_current->file.errorString());
        m_current.reset();
        return false;
    }
    if (TapeReader::isTape(m_current->file.peek(lookedAt)))
        m_current->tape.emplace(m_current->file);
    else
        m_current->capture.emplace(m_current->file);
    return true;
}

void ReplayInput::closeCurrent()
{
    if (const auto &capture = m_current->capture) {
        m_damagedBytes += capture->damagedBytes();
        m_tornBytes += capture->tornBytes();
        m_wasTorn = capture->tornBytes() > 0;
        m_lastBegin = capture->begin();
    } else {
        m_badLines += m_current->tape->badLines();
    }
    m_current.reset();
}

bool ReplayInput::next(RecordedEvent &event)
{
    while (m_current || openNext()) {
        const bool isThere =
            m_current->capture ? m_current->capture->next(event) : m_current->tape->next(event);
        if (!isThere) {
            closeCurrent();
            continue;
        }
        if (event.kind != RecordedEvent::Kind::Began)
            return true;
        // The next file of the same run only goes on, if nothing lies between.
        const auto [run, file] = placeOf(event.names.first());
        const auto [lastRun, lastFile] = placeOf(m_lastBegin);
        if (m_lastBegin.isEmpty() || run != lastRun)
            return true;
        if (std::exchange(m_wasTorn, false) || file != lastFile + 1) {
            event.kind = RecordedEvent::Kind::Missed;
            event.missed = QStringLiteral("a part of a capture, or a whole file, is missing");
            return true;
        }
    }
    return false;
}

QString ReplayInput::damage() const
{
    QStringList parts;
    if (m_damagedBytes > 0)
        parts.append(QStringLiteral("%1 bytes are damaged").arg(m_damagedBytes));
    if (m_tornBytes > 0)
        parts.append(QStringLiteral("%1 bytes at the end are no whole block").arg(m_tornBytes));
    if (m_badLines > 0)
        parts.append(QStringLiteral("%1 lines are none of a tape").arg(m_badLines));
    return parts.join(QStringLiteral(", "));
}

} // namespace tidemill::net
