// SPDX-License-Identifier: Apache-2.0
#include "commands.h"
#include "pipeline_loading.h"
#include "tail_streams.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QRegularExpression>

#include <cstdio>

namespace tidemill::app {

namespace {

int wrongUsage(const QString &message)
{
    printError(QStringLiteral("tidemill tail: %1\n").arg(message));
    return WrongUsage;
}

// "5", "0", "1700000000123-4", "$"; nothing for anything else.
bool isPosition(const QString &text)
{
    static const QRegularExpression form(QStringLiteral("^(\\$|[0-9]{1,20}(-[0-9]{1,20})?)$"));
    return form.match(text).hasMatch();
}

} // namespace

int tailCommand(const QStringList &arguments)
{
    QCommandLineParser parser;
    parser.setApplicationDescription(QStringLiteral(
        "Lists the streams of a Redis or Redis Cluster, or prints the entries of one as they come, "
        "one line each. Needs rights to read only."));
    parser.addPositionalArgument(
        QStringLiteral("url"),
        QStringLiteral("redis://[[USER]:PASSWORD@]HOST[:PORT][/DB], rediss://... for TLS, "
                       "unix:///PATH. Or - for the environment's TIDEMILL_REDIS_URL, where "
                       "no other user of this machine can read a password."),
        QStringLiteral("tail URL"));
    parser.addPositionalArgument(QStringLiteral("stream"),
                                 QStringLiteral("The stream to follow; without it, a list."),
                                 QStringLiteral("[STREAM]"));
    const QCommandLineOption count(
        {QStringLiteral("n"), QStringLiteral("count")},
        QStringLiteral("End after so many entries; without it, go on until interrupted."),
        QStringLiteral("N"));
    const QCommandLineOption from(
        QStringLiteral("from"),
        QStringLiteral("Begin behind this id; 0: with the oldest entry. By default with "
                       "the next one that comes."),
        QStringLiteral("ID"));
    const QCommandLineOption match(QStringLiteral("match"),
                                   QStringLiteral("List only streams that match, such as 'trades:*'."),
                                   QStringLiteral("pattern"), QStringLiteral("*"));
    const QCommandLineOption json(QStringLiteral("json"), QStringLiteral("One JSON object a line."));
    const QCommandLineOption raw(QStringLiteral("raw"), QStringLiteral("The field raw_json too."));
    const QCommandLineOption caFile(QStringLiteral("ca-file"),
                                    QStringLiteral("For rediss: PEM file of the only authorities to trust."),
                                    QStringLiteral("file"));
    const QCommandLineOption help({QStringLiteral("h"), QStringLiteral("help")},
                                  QStringLiteral("Show this."));
    parser.addOptions({count, from, match, json, raw, caFile, help});
    if (!parser.parse(arguments))
        return wrongUsage(parser.errorText());
    if (parser.isSet(help)) {
        print(parser.helpText());
        return Success;
    }
    const QStringList words = parser.positionalArguments();
    if (words.isEmpty() || words.size() > 2)
        return wrongUsage(QStringLiteral(
            "expected an address and perhaps a stream, such as redis://localhost trades:BTCUSDT"));
    const auto url = redis::Url::parse(
        words.at(0) == QLatin1String("-") ? qEnvironmentVariable("TIDEMILL_REDIS_URL") : words.at(0));
    if (!url)
        return wrongUsage(url.error().message);
    TailOrder order;
    order.settings.url = *url;
    order.settings.caFile = parser.value(caFile);
    order.stream = words.value(1).toUtf8();
    order.pattern = parser.value(match).toUtf8();
    order.asJson = parser.isSet(json);
    order.withRaw = parser.isSet(raw);
    if (parser.isSet(count)) {
        bool isNumber = false;
        order.count = parser.value(count).toLongLong(&isNumber);
        if (!isNumber || order.count < 1)
            return wrongUsage(
                QStringLiteral("--count: expected a number from 1, got '%1'").arg(parser.value(count)));
    }
    if (parser.isSet(from)) {
        if (!isPosition(parser.value(from)))
            return wrongUsage(QStringLiteral("--from: expected 0, $ or the id of an entry, got '%1'")
                                  .arg(parser.value(from)));
        order.from = parser.value(from).toUtf8();
    }
    if (order.stream.isEmpty() && (parser.isSet(count) || parser.isSet(from) || parser.isSet(raw)))
        return wrongUsage(QStringLiteral("--count, --from and --raw are for following a stream: name one"));

    TailStreams tail(order);
    QObject::connect(&tail, &TailStreams::line, [](const QByteArray &text) {
        std::fwrite(text.constData(), 1, std::size_t(text.size()), stdout);
        std::fflush(stdout); // it may be a pipe whose reader waits
    });
    QObject::connect(&tail, &TailStreams::ended, [](const QString &error) {
        if (!error.isEmpty())
            printError(QStringLiteral("tidemill tail: %1\n").arg(error));
        QCoreApplication::exit(error.isEmpty() ? Success : Failed);
    });
    tail.start();
    return QCoreApplication::exec();
}

} // namespace tidemill::app
