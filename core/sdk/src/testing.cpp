// SPDX-License-Identifier: Apache-2.0
#include <tidemill/json.h>
#include <tidemill/testing.h>

#include <QDir>
#include <QPluginLoader>

namespace tidemill::testing {

static QString libraryOf(const QString &id, const QString &pluginDirectory, const QString &wantedKind)
{
    for (const char *kind : {"source", "transform", "sink"}) {
        if (!wantedKind.isEmpty() && wantedKind != QLatin1String(kind))
            continue;
        const QDir folder(pluginDirectory + QLatin1Char('/') + QLatin1String(kind) + QLatin1Char('s'));
        for (const char *suffix : {".so", ".dll", ".dylib"}) {
            const QString file = folder.absoluteFilePath(id + QLatin1String(suffix));
            if (QFileInfo::exists(file))
                return file;
        }
    }
    return {};
}

Result<NodePtr<Node>> createNode(const QString &id, const QVariantMap &options, const NodeContext &context,
                                 const QString &pluginDirectory, const QString &kind)
{
    const QString file = libraryOf(id, pluginDirectory, kind);
    if (file.isEmpty())
        return Error{Error::Kind::Config, QStringLiteral("no plugin '%1' in %2").arg(id, pluginDirectory)};
    QPluginLoader loader(file);
    loader.setLoadHints(QLibrary::ResolveAllSymbolsHint | QLibrary::PreventUnloadHint);
    const auto *factory = qobject_cast<PluginFactory *>(loader.instance());
    if (!factory)
        return Error{Error::Kind::Config, QStringLiteral("%1: %2").arg(file, loader.errorString())};

    NodePtr<Node> node(factory->create());
    node->setContext(context);
    const OptionList listed = node->options();
    if (const auto checked = listed.checkNames(); !checked)
        return checked.error();
    OptionErrors errors = listed.apply(Value::fromVariant(options));
    if (errors.isEmpty())
        errors = node->validate();
    if (errors.isEmpty())
        return node;
    QStringList lines;
    for (const OptionError &error : errors)
        lines.append(error.toString());
    return Error{Error::Kind::Config, lines.join(QLatin1Char('\n'))};
}

QList<BatchPtr> batches(const QSignalSpy &spy)
{
    QList<BatchPtr> result;
    for (const QList<QVariant> &arguments : spy)
        result.append(arguments.first().value<BatchPtr>());
    return result;
}

int recordCount(const QSignalSpy &spy)
{
    qsizetype count = 0;
    for (const BatchPtr &batch : batches(spy))
        count += batch->rowCount();
    return int(count);
}

QHash<QByteArray, QByteArray> positions(const QSignalSpy &spy)
{
    QHash<QByteArray, QByteArray> newest;
    for (const QList<QVariant> &arguments : spy)
        newest.insert(arguments.at(0).toByteArray(), arguments.at(1).toByteArray());
    return newest;
}

QByteArray printed(const QList<BatchPtr> &batches)
{
    QByteArray lines;
    for (const BatchPtr &batch : batches) {
        for (qsizetype row = 0; row < batch->rowCount(); ++row)
            appendJson(lines, *batch, row).append('\n');
    }
    return lines;
}

} // namespace tidemill::testing
