// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "measurement.h"

namespace tidemill::bench {

// The runs of one figure.
struct Runs
{
    QList<double> values;
    double median() const;
    double least() const;
    double most() const;
};

// A line of the table.
struct Row
{
    QString name; // "three_hops/256"
    FigureSpec spec;
    Runs candidate;
    Runs floor;
    Runs ratio;    // of each run to the floor's beside it: how many times the floor it costs
    QString error; // what went wrong, instead of the figures
    QString note;  // why there are none
};

// Runs everything in turn, candidate and floor alternating, each run in a process of its own.
QList<Row> measureAll(const std::vector<Bench> &benches, const Extent &extent);

void printRows(const QList<Row> &rows, bool asJson);

} // namespace tidemill::bench
