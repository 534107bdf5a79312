// SPDX-License-Identifier: Apache-2.0
#include "pipeline_file.h"

#include "env_file.h"
#include "pipeline_parser.h"
#include "substitution.h"
#include "yaml_document.h"

#include <QFile>
#include <QFileInfo>

#include <algorithm>

namespace tidemill::host {

namespace {

PipelineFile unreadable(const QString &path, const QString &why)
{
    PipelineFile file;
    file.description.file = path;
    file.diagnostics = {{path, {}, why, {}}};
    return file;
}

// The section "host" apart: once they are right, an address and a level may be printed wherever they come
// from.
Value replaced(const Value &root, Substitution &substitution, Substitution &ofHost)
{
    if (root.kind() != Value::Kind::Map)
        return substitution.apply(root);
    QList<Value::Member> members;
    for (const Value::Member &member : root.members()) {
        Substitution &its = member.key == QLatin1String("host") ? ofHost : substitution;
        members += its.apply(Value::map({member})).members();
    }
    return Value::map(members, root.place());
}

} // namespace

PipelineFile parsePipeline(const QByteArray &text, const QString &path,
                           const QProcessEnvironment &environment)
{
    PipelineFile file;
    file.text = text;
    QStringList hidden; // from messages
    const YamlDocument document = readYaml(text);
    file.diagnostics = document.problems;
    if (document.isComplete) {
        Substitution substitution(environment, QFileInfo(path).absolutePath());
        Substitution ofHost = substitution;
        const Value root = replaced(document.root, substitution, ofHost);
        file.secrets = substitution.secrets();
        hidden = file.secrets + ofHost.secrets();
        std::stable_sort(hidden.begin(), hidden.end(),
                         [](const QString &a, const QString &b) { return a.size() > b.size(); });
        const QList<Diagnostic> unknown = substitution.problems() + ofHost.problems();
        file.diagnostics += unknown;
        QList<Diagnostic> problems;
        file.description = parseDescription(root, problems);
        problems += checkConnections(file.description);
        // A value that could not be replaced is empty here; what follows from that is not worth saying.
        for (const Diagnostic &problem : problems) {
            const bool follows = std::any_of(unknown.begin(), unknown.end(), [&](const Diagnostic &other) {
                return other.place.line == problem.place.line && other.place.column == problem.place.column;
            });
            if (!follows)
                file.diagnostics.append(problem);
        }
    }
    file.description.file = path;
    file.description.secrets = file.secrets;
    for (Diagnostic &diagnostic : file.diagnostics) {
        diagnostic.file = path;
        diagnostic.message = masked(diagnostic.message, hidden);
        diagnostic.suggestion = masked(diagnostic.suggestion, hidden);
    }
    sortDiagnostics(file.diagnostics);
    return file;
}

PipelineFile readPipelineFile(const QString &path, const QProcessEnvironment &environment)
{
    const QFileInfo info(path);
    if (!info.exists())
        return unreadable(path, QStringLiteral("no such file"));
    if (!info.isFile())
        return unreadable(path, QStringLiteral("is not a regular file"));
    QFile disk(path);
    if (!disk.open(QIODevice::ReadOnly))
        return unreadable(path, QStringLiteral("cannot be read: %1").arg(disk.errorString()));
    const QByteArray text = disk.read(maxYamlBytes + 1); // one more than allowed, so that too much is noticed

    QProcessEnvironment merged = environment;
    const QString envPath = info.path() == QLatin1String(".") && !path.startsWith(QLatin1Char('.'))
                                ? QStringLiteral(".env")
                                : info.path() + QLatin1String("/.env");
    const QList<Diagnostic> envProblems = readEnvFile(envPath, merged);
    PipelineFile file = parsePipeline(text, path, merged);
    file.diagnostics = envProblems + file.diagnostics;
    return file;
}

} // namespace tidemill::host
