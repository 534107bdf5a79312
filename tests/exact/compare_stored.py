#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Compares stored weighted average prices with those computed from the tape they came from, digit by digit.

    compare_stored.py DATABASE.sqlite TAPE --symbol ETHUSDT --of message|book --levels 5 [--table wap]

The table needs the columns update_id and price, the price as text. Columns symbol, of and levels, where there are any,
choose the rows. Both sets must be the same; every difference is printed. Exit code: 0 the same, 1 not, 2 wrong usage.
"""

import argparse
import sqlite3
import sys

import wap

MAX_PRINTED = 50


def stored(database, table, choice):
    """A list of (update_id, price) as they stand in the table."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        quoted = '"' + table.replace('"', '""') + '"'
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({quoted})")]
        for needed in ("update_id", "price"):
            if needed not in columns:
                raise ValueError(f"{database}: table {table} has no column {needed}, only {columns}")
        wanted = {name: value for name, value in choice.items() if name in columns}
        where = " AND ".join(f'"{name}" = ?' for name in wanted) or "1"
        query = f"SELECT update_id, price FROM {quoted} WHERE {where} ORDER BY update_id"
        return connection.execute(query, list(wanted.values())).fetchall()


def differences(computed, rows):
    """What is wrong with the stored rows, a line for each."""
    found = {}
    for update_id, price in rows:
        if update_id in found:
            yield f"{update_id}: stored twice"
        elif not isinstance(price, str):
            yield f"{update_id}: stored as {type(price).__name__} {price!r}, not as text"
        found[update_id] = price
    for update_id, price in computed.items():
        if update_id not in found:
            yield f"{update_id}: not stored, computed {price}"
        elif str(found[update_id]) != price:
            yield f"{update_id}: stored {found[update_id]}, computed {price}"
    for update_id in found.keys() - computed.keys():
        yield f"{update_id}: stored {found[update_id]}, but no price was to come"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database")
    wap.add_arguments(parser)
    parser.add_argument("--table", default="wap")
    arguments = parser.parse_args()

    computed = dict(wap.waps(arguments.tape, arguments.symbol, arguments.of, arguments.levels))
    choice = {"symbol": arguments.symbol, "of": arguments.of, "levels": arguments.levels}
    try:
        rows = stored(arguments.database, arguments.table, choice)
    except (sqlite3.Error, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    wrong = list(differences(computed, rows))
    for line in wrong[:MAX_PRINTED]:
        print(line)
    if len(wrong) > MAX_PRINTED:
        print(f"... and {len(wrong) - MAX_PRINTED} more")
    print(f"{len(rows)} stored, {len(computed)} computed, {len(wrong)} differences")
    # Two empty sets are equal and prove nothing.
    return 1 if wrong or not computed else 0


if __name__ == "__main__":
    sys.exit(main())
