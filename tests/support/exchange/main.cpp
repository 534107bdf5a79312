// SPDX-License-Identifier: Apache-2.0
#include "command_line.h"
#include "fake_exchange.h"

#include <QCoreApplication>
#include <QSocketNotifier>

#include <unistd.h>

#include <csignal>
#include <cstdio>

using namespace tidemill::exchange;

namespace {

#ifdef Q_OS_UNIX
int signalPipe[2];

// Only write() is allowed here; the event loop does the rest.
void wakeUp(int)
{
    const char byte = 0;
    [[maybe_unused]] const auto written = ::write(signalPipe[1], &byte, 1);
}

bool quitOnSignals(QCoreApplication &app)
{
    if (::pipe(signalPipe) != 0)
        return false;
    auto *notifier = new QSocketNotifier(signalPipe[0], QSocketNotifier::Read, &app);
    QObject::connect(notifier, &QSocketNotifier::activated, &app, &QCoreApplication::quit);
    return std::signal(SIGTERM, wakeUp) != SIG_ERR && std::signal(SIGINT, wakeUp) != SIG_ERR;
}
#else
bool quitOnSignals(QCoreApplication &)
{
    return true; // the system ends the program
}
#endif

void print(const QByteArray &line)
{
    std::fwrite(line.constData(), 1, std::size_t(line.size()), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

// The clients get all that is on its way to them, then a close frame; one that does not read is not waited
// for.
void leave(FakeExchange &exchange)
{
    using namespace std::chrono_literals;
    auto *poll = new QTimer(&exchange);
    QObject::connect(poll, &QTimer::timeout, &exchange, [&exchange] {
        if (exchange.server().queuedBytes() == 0)
            exchange.server().closeAll(1001, QStringLiteral("The tape is over"));
        if (exchange.server().connectionCount() == 0)
            QCoreApplication::quit();
    });
    poll->start(10ms);
    QTimer::singleShot(10s, qApp, &QCoreApplication::quit);
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("tidemill-exchange"));
    QString error;
    const auto command = CommandLine::parse(app.arguments(), &error);
    if (!command) {
        std::fprintf(stderr, "tidemill-exchange: %s\n", qPrintable(error));
        return 2;
    }

    if (!quitOnSignals(app))
        return 1;

    FakeExchange exchange(command->settings);
    QObject::connect(&exchange.server(), &ExchangeServer::violated, &exchange,
                     [](const QString &what) { qWarning("violation: %s", qPrintable(what)); });
    QObject::connect(&exchange, &FakeExchange::dataEnded, &exchange, [&] {
        print("{\"event\":\"tape_end\"}");
        if (command->exitAtEnd)
            leave(exchange);
    });
    if (!exchange.start(&error) ||
        (!command->tapeFile.isEmpty() && !exchange.playTape(command->tapeFile, command->tape, &error))) {
        std::fprintf(stderr, "tidemill-exchange: %s\n", qPrintable(error));
        return 1;
    }
    if (command->generator)
        exchange.generate(*command->generator);
    for (const PlannedFault &planned : command->faults)
        exchange.plan(planned);

    print("{\"ws\":\"" + exchange.wsUrl().toEncoded() + "\",\"rest\":\"" + exchange.restUrl().toEncoded() +
          "\"}");
    return app.exec();
}
