// SPDX-License-Identifier: Apache-2.0
#include "plugin_probe.h"

#include <tidemill/plugin.h>

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QLoggingCategory>
#include <QPluginLoader>
#include <QProcess>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

Q_LOGGING_CATEGORY(lcProbe, "tidemill.host.probe")

namespace tidemill::host {

namespace {

// None that a library would end a process with by chance.
constexpr int cameThrough = 113;

Error failure(const QString &what)
{
    return {Error::Kind::Config, what};
}

// What makes a file another one than before; empty if it is not there.
QByteArray identity(const QString &path)
{
    struct stat info = {};
    if (::stat(QFile::encodeName(path).constData(), &info) != 0)
        return {};
    QByteArray text;
    for (const qint64 part : {qint64(info.st_dev), qint64(info.st_ino), qint64(info.st_size),
                              qint64(info.st_mtim.tv_sec), qint64(info.st_mtim.tv_nsec)})
        text += QByteArray::number(part) + ' ';
    return text;
}

QString shortHash(const QByteArray &text)
{
    return QString::fromLatin1(QCryptographicHash::hash(text, QCryptographicHash::Sha256).toHex().first(32));
}

} // namespace

Result<> PluginProbe::operator()(const QString &path) const
{
    const QString entry = cacheEntry(path);
    if (!entry.isEmpty() && QFile::exists(entry))
        return {};
    const auto loaded = loadElsewhere(path);
    if (!loaded)
        return loaded.error();
    if (*loaded && !entry.isEmpty())
        remember(entry);
    return {};
}

// An entry is an empty file, and all that it says is in its name: it cannot be torn or half written.
QString PluginProbe::cacheEntry(const QString &path) const
{
    const QByteArray file = identity(path);
    if (m_settings.cacheDirectory.isEmpty() || file.isEmpty())
        return {};
    const QByteArray name = QFile::encodeName(path);
    // Another host, another question: what it brings along decides about symbols.
    const QByteArray host =
        QByteArrayLiteral(TIDEMILL_VERSION " ") + qVersion() + identity(m_settings.program);
    return QDir(m_settings.cacheDirectory)
        .filePath(shortHash(name) + QLatin1Char('-') + shortHash(name + '\0' + file + '\0' + host));
}

void PluginProbe::remember(const QString &entry) const
{
    if (!QDir().mkpath(m_settings.cacheDirectory))
        return; // it is tried again the next time, that is all
    const QDir folder(m_settings.cacheDirectory);
    const QString sameFile =
        QFileInfo(entry).fileName().section(QLatin1Char('-'), 0, 0) + QLatin1String("-*");
    for (const QString &old : folder.entryList({sameFile}, QDir::Files))
        QFile::remove(folder.filePath(old));
    QFile file(entry);
    (void)file.open(QIODevice::WriteOnly);
}

Result<bool> PluginProbe::loadElsewhere(const QString &path) const
{
    QProcess process;
    process.setStandardInputFile(QProcess::nullDevice());
    process.setStandardOutputFile(QProcess::nullDevice());
    process.setStandardErrorFile(QProcess::nullDevice());
    process.start(m_settings.program, m_settings.arguments + QStringList{path});
    if (!process.waitForStarted()) {
        qCWarning(lcProbe).noquote() << path << "is loaded untried:" << m_settings.program
                                     << "cannot be started:" << process.errorString();
        return false;
    }
    if (!process.waitForFinished(int(m_settings.limit.count()))) {
        process.kill();
        process.waitForFinished();
        return failure(QStringLiteral("loading it had not ended after %1 ms").arg(m_settings.limit.count()));
    }
    if (process.exitStatus() == QProcess::CrashExit)
        return failure(QStringLiteral("loading it crashes (signal %1, %2)")
                           .arg(process.exitCode())
                           .arg(QString::fromLocal8Bit(strsignal(process.exitCode()))));
    if (process.exitCode() != cameThrough)
        return failure(
            QStringLiteral("loading it ends the process with exit code %1").arg(process.exitCode()));
    return true;
}

void loadAsProbe(const QString &path)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit noCore = {0, 0}; // a crash here is an answer, nothing to look into
    setrlimit(RLIMIT_CORE, &noCore);
    try {
        QPluginLoader loader(path);
        loader.setLoadHints(QLibrary::ResolveAllSymbolsHint | QLibrary::PreventUnloadHint);
        if (const auto *factory = qobject_cast<PluginFactory *>(loader.instance())) {
            const std::unique_ptr<Node> node(factory->create());
            if (node)
                (void)node->options();
        }
    } catch (...) { // comes through: it is caught over there as well
    }
    _exit(cameThrough);
}

} // namespace tidemill::host
