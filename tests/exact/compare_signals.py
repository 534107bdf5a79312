#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Compares stored signals and orders with those computed, with fractions, from the stored prices.

    compare_signals.py DATABASE.sqlite --short 50 --long 200 [--prices wap]

Reads tables wap, signal and order as Tidemill makes them. Prints one line that tells how many there are; every
difference is printed. Exit code: 0 the same, 1 not.
"""

import argparse
import sqlite3
import sys

import sma


def table(connection, query, *values):
    try:
        return connection.execute(query, values).fetchall()
    except sqlite3.OperationalError:
        return []  # a table is made with its first record


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database")
    parser.add_argument("--short", type=int, default=50)
    parser.add_argument("--long", type=int, default=200)
    parser.add_argument("--prices", default="wap")
    arguments = parser.parse_args()

    windows = (arguments.short, arguments.long)
    with sqlite3.connect(f"file:{arguments.database}?mode=ro", uri=True) as connection:
        prices = table(connection, f'SELECT update_id, price FROM "{arguments.prices}" ORDER BY update_id')
        signals = table(connection, "SELECT update_id, action, price, sma_short, sma_long FROM signal "
                        "WHERE short_window = ? AND long_window = ?", *windows)
        orders = table(connection, "SELECT order_id, status, price, coalesce(close_price, '') FROM \"order\" "
                       "WHERE short_window = ? AND long_window = ?", *windows)

    expected_signals = set()
    expected_orders = {}  # as each stands after its last change
    for line in sma.report(prices, *windows):
        kind, *fields = line.split("\t")
        if kind == "signal":
            expected_signals.add(tuple(fields))
        else:
            expected_orders[fields[0]] = tuple(fields)
    print(f"{len(prices)} prices, {len(signals)} signals, {len(orders)} orders")
    wrong = report("signal", expected_signals, signals) + report("order", set(expected_orders.values()), orders)
    return 1 if wrong else 0


def report(name, expected, rows):
    """Prints what is wrong with the stored rows; the number of faults."""
    found = {tuple(str(field) for field in row) for row in rows}
    for row in sorted(expected - found):
        print(f"{name} not stored: {row}")
    for row in sorted(found - expected):
        print(f"{name} stored that was not to come: {row}")
    if len(found) != len(rows):
        print(f"{name}: {len(rows) - len(found)} stored twice")
    return len(expected ^ found) + len(rows) - len(found)


if __name__ == "__main__":
    sys.exit(main())
