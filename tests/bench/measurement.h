// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QList>
#include <QString>

#include <vector>

namespace tidemill::bench {

// One number that a run gives, under the name that its bench knows it by.
struct Figure
{
    QString name;
    double value = 0;
};

using Figures = QList<Figure>;

struct Extent
{
    bool quick = false;
    // What a full run takes, or a fifth of it.
    qint64 of(qint64 full) const { return quick ? full / 5 : full; }
};

// One run in a process of its own. An error means that something is broken: a wrong count, a wrong sum, no
// answer.
using Measure = Result<Figures> (*)(const Extent &extent);

struct FigureSpec
{
    const char *name = ""; // that, for the only or main one
    const char *unit = "";
    bool isRate = false; // more is better
    double target = 0;   // what the ratio to the floor should not exceed; 0: nothing was promised
    double limit = 0;    // what the figure itself should not exceed (of a rate: fall below); 0: as above
};

// Something measured beside the least that the same job can cost, made by hand with nothing in between.
struct Bench
{
    const char *name = "";
    const char *about = "";
    std::vector<FigureSpec> figures{};
    Measure candidate = nullptr;
    Measure floor = nullptr;
    // Why it cannot be measured here; empty if it can.
    QString (*unavailable)() = nullptr;
};

// Those of each file, in the order of the table.
std::vector<Bench> feedBenches();
std::vector<Bench> depthBenches();
std::vector<Bench> graphBenches();
std::vector<Bench> spoolBenches();
std::vector<Bench> redisBenches();
std::vector<Bench> pulseStreamBenches();
std::vector<Bench> decodeBenches();
std::vector<Bench> sbeBenches();
std::vector<Bench> sourceBenches();
std::vector<Bench> idleBenches();
std::vector<Bench> sqlBenches();

// The floor of `idle`: a Qt program that answers every request with 200 until it is killed.
int serveHealth(quint16 port);

inline Error broken(const QString &message)
{
    return {Error::Kind::Internal, message};
}

} // namespace tidemill::bench
