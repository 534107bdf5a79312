// SPDX-License-Identifier: Apache-2.0
#include "state_directory.h"

#include "pipeline_loading.h"

#include <QDir>

namespace tidemill::app {

namespace {

// Where state goes when nobody says: what systemd gives, or the user's own place for such things.
QString defaultStateDirectory()
{
    const QString systemd = qEnvironmentVariable("STATE_DIRECTORY");
    if (!systemd.isEmpty())
        return systemd.section(QLatin1Char(':'), 0, 0);
    const QString xdg = qEnvironmentVariable("XDG_STATE_HOME");
    if (QDir::isAbsolutePath(xdg))
        return QDir(xdg).filePath(QStringLiteral("tidemill"));
    const QString home = qEnvironmentVariable("HOME");
    return home.isEmpty() ? QString() : QDir(home).filePath(QStringLiteral(".local/state/tidemill"));
}

} // namespace

QString stateDirectory(const QCommandLineParser &parser)
{
    QString folder = flagOrEnvironment(parser, QStringLiteral("state-dir"), "TIDEMILL_STATE_DIR");
    if (folder.isEmpty())
        folder = defaultStateDirectory();
    if (folder.isEmpty() || folder == QLatin1String("off"))
        return {};
    return QDir(folder).absolutePath();
}

} // namespace tidemill::app
