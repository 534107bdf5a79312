// SPDX-License-Identifier: Apache-2.0
#include "json_log.h"

#include <tidemill/json.h>

#include <QCoreApplication>
#include <QDateTime>
#include <QThread>
#include <QUrl>

#include <algorithm>
#include <cerrno>
#include <mutex>

#ifdef Q_OS_WIN
#include <io.h>
#else
#include <poll.h>
#include <unistd.h>
#endif

namespace tidemill::host {

namespace {

struct Log
{
    std::mutex lock; // also keeps lines whole where a write takes only a part
    LogFormat format = LogFormat::Json;
    LogLevel level = LogLevel::Info;
    int fd = 1;
    QByteArrayList secrets; // in every spelling, the longest first
    QByteArray line;        // kept, so that a line costs no allocation of its own
};

} // namespace

static constexpr qsizetype shortestSecret = 4;
// A feed can send anything and a plugin may quote it.
static constexpr qsizetype longestMessage = 16 << 10;

// Never destroyed: other static objects may log while they die.
static Log &theLog()
{
    static auto *log = new Log;
    return *log;
}

static LogLevel levelOf(QtMsgType type)
{
    switch (type) {
    case QtDebugMsg:
        return LogLevel::Debug;
    case QtInfoMsg:
        return LogLevel::Info;
    case QtWarningMsg:
        return LogLevel::Warning;
    case QtCriticalMsg:
    case QtFatalMsg:
        break;
    }
    return LogLevel::Critical;
}

static QByteArrayView levelName(QtMsgType type)
{
    switch (type) {
    case QtDebugMsg:
        return "debug";
    case QtInfoMsg:
        return "info";
    case QtWarningMsg:
        return "warning";
    case QtCriticalMsg:
        return "critical";
    case QtFatalMsg:
        break;
    }
    return "fatal";
}

static QByteArrayView shortLevelName(QtMsgType type)
{
    switch (type) {
    case QtDebugMsg:
        return "DEBUG";
    case QtInfoMsg:
        return "INFO ";
    case QtWarningMsg:
        return "WARN ";
    case QtCriticalMsg:
        return "ERROR";
    case QtFatalMsg:
        break;
    }
    return "FATAL";
}

static void appendJsonLine(QByteArray &out, const LogLine &line)
{
    QByteArray time = line.time.toString();
    if (!time.contains('.')) // always the same width, so that lines sort as text
        time.insert(time.size() - 1, ".000");
    out += "{\"ts\":\"" + time + "\",\"level\":\"";
    out += levelName(line.type);
    out += "\",\"category\":";
    appendJsonString(out, line.category);
    out += ",\"message\":";
    appendJsonString(out, line.message);
    if (!line.thread.isEmpty()) {
        out += ",\"thread\":";
        appendJsonString(out, line.thread);
    }
    out += "}\n";
}

static void appendPrintable(QByteArray &out, QByteArrayView text)
{
    static constexpr char hexDigits[] = "0123456789abcdef";
    for (qsizetype i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = uchar(c);
        // U+0080 to U+009F: their first byte alone is enough to break them.
        const bool isC1 = byte == 0xc2 && i + 1 < text.size() && uchar(text[i + 1]) < 0xa0;
        if (c == '\n') {
            out += "\n    ";
        } else if ((byte < 0x20 && c != '\t') || byte == 0x7f || isC1) {
            out += "\\x";
            out += hexDigits[byte >> 4];
            out += hexDigits[byte & 0xf];
        } else {
            out += c;
        }
    }
}

static void appendTextLine(QByteArray &out, const LogLine &line)
{
    constexpr qsizetype categoryWidth = 10;
    constexpr qint64 nsPerMs = 1'000'000;

    const QTime time = QDateTime::fromMSecsSinceEpoch(line.time.ns / nsPerMs).time();
    out += time.toString(QStringLiteral("HH:mm:ss.zzz")).toLatin1() + ' ';
    out += shortLevelName(line.type);
    out += ' ';
    const QByteArrayView category = line.category.sliced(line.category.lastIndexOf('.') + 1);
    out += category;
    out.append(std::max<qsizetype>(categoryWidth - category.size(), 0) + 2, ' ');
    appendPrintable(out, line.message);
    if (!line.thread.isEmpty()) {
        out += "  [";
        appendPrintable(out, line.thread);
        out += ']';
    }
    out += '\n';
}

void appendLogLine(QByteArray &out, const LogLine &line, LogFormat format)
{
    if (format == LogFormat::Text)
        appendTextLine(out, line);
    else
        appendJsonLine(out, line);
}

static void writeAll(int fd, const QByteArray &text)
{
    const char *data = text.constData();
    qsizetype left = text.size();
    while (left > 0) {
#ifdef Q_OS_WIN
        const auto written = ::_write(fd, data, uint(left));
#else
        const auto written = ::write(fd, data, std::size_t(left));
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN) {
            pollfd writable{fd, POLLOUT, 0};
            ::poll(&writable, 1, -1);
            continue;
        }
#endif
        if (written <= 0)
            return; // whoever read the log is gone; there is nobody to tell
        data += written;
        left -= written;
    }
}

static void shorten(QByteArray &message)
{
    if (message.size() <= longestMessage)
        return;
    qsizetype end = longestMessage;
    while (end > 0 && (uchar(message[end]) & 0xc0) == 0x80) // not within a character
        --end;
    const qsizetype cut = message.size() - end;
    message.truncate(end);
    message += "... (" + QByteArray::number(cut) + " bytes more)";
}

static void handleMessage(QtMsgType type, const QMessageLogContext &context, const QString &text)
{
    Log &log = theLog();
    const std::lock_guard lock(log.lock);
    if (levelOf(type) < log.level)
        return;

    QByteArray message = text.toUtf8();
    for (const QByteArray &secret : std::as_const(log.secrets)) {
        if (message.contains(secret))
            message.replace(secret, "***");
    }
    shorten(message);

    QByteArray threadName;
    const QThread *thread = QThread::currentThread();
    if (QCoreApplication::instance() && thread != QCoreApplication::instance()->thread())
        threadName = thread->objectName().toUtf8();

    const qint64 nowMs = QDateTime::currentMSecsSinceEpoch();
    log.line.truncate(0); // unlike clear() keeps the memory
    appendLogLine(log.line,
                  {Timestamp::fromMilliseconds(nowMs), type, context.category ? context.category : "default",
                   message, threadName},
                  log.format);
    writeAll(log.fd, log.line);
}

static bool isTerminal(int fd)
{
#ifdef Q_OS_WIN
    return ::_isatty(fd) != 0;
#else
    return ::isatty(fd) != 0;
#endif
}

void installLog(const LogSettings &settings)
{
    Log &log = theLog();
    {
        const std::lock_guard lock(log.lock);
        log.format = settings.format;
        if (settings.format == LogFormat::Auto)
            log.format = isTerminal(settings.fd) ? LogFormat::Text : LogFormat::Json;
        log.level = settings.level;
        log.fd = settings.fd;
    }
    qInstallMessageHandler(handleMessage);
}

void setSecrets(const QStringList &secrets)
{
    QByteArrayList spellings;
    for (const QString &secret : secrets) {
        if (secret.size() < shortestSecret)
            continue;
        QString escaped = secret; // as QDebug prints a QString
        escaped.replace(u'\\', QLatin1String("\\\\")).replace(u'"', QLatin1String("\\\""));
        spellings << secret.toUtf8() << escaped.toUtf8() << QUrl::toPercentEncoding(secret);
    }
    std::sort(spellings.begin(), spellings.end(), [](const QByteArray &a, const QByteArray &b) {
        // A secret within another one must not leave the other's rest standing.
        return a.size() != b.size() ? a.size() > b.size() : a < b;
    });
    spellings.erase(std::unique(spellings.begin(), spellings.end()), spellings.end());

    Log &log = theLog();
    const std::lock_guard lock(log.lock);
    log.secrets = spellings;
}

} // namespace tidemill::host
