// SPDX-License-Identifier: Apache-2.0
#include "double.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QTimer>

#include <cstdio>

// pulsestream-double: the stand-in as a program, to run pipelines against by hand. Prints its address, and
// from then on, each second in which something happened, what it has stored.
int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    QCommandLineParser options;
    options.addOptions({{"port", "Port of 127.0.0.1; 0: any.", "N", "0"},
                        {"key", "The key it wants in X-API-Key.", "TEXT", "test-key"},
                        {"limit", "New events in each window; 0: no limit.", "N", "0"},
                        {"window", "Length of a window in milliseconds.", "MS", "60000"},
                        {"latency", "What each event takes, in milliseconds.", "MS", "0"}});
    options.addHelpOption();
    options.process(application);

    tidemill::pulsestream::Double service;
    service.service.key = options.value("key").toUtf8();
    service.service.limit = options.value("limit").toInt();
    service.service.windowMs = std::max(1LL, options.value("window").toLongLong());
    service.service.latency = std::chrono::milliseconds(options.value("latency").toInt());
    if (!service.start(options.value("port").toUShort())) {
        std::fprintf(stderr, "pulsestream-double: %s\n", qPrintable(service.door.errorString()));
        return 1;
    }
    std::printf("%s\n", qPrintable(service.url()));
    std::fflush(stdout);

    QTimer report;
    qsizetype reported = 0;
    QObject::connect(&report, &QTimer::timeout, &application, [&] {
        if (service.service.posts.size() == reported)
            return;
        reported = service.service.posts.size();
        std::printf("%lld events stored, %d of them posted again, %lld posts\n",
                    static_cast<long long>(service.service.stored.size()), service.service.repeated,
                    static_cast<long long>(reported));
        std::fflush(stdout);
    });
    report.start(1000);
    return QCoreApplication::exec();
}
