#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Computes, with fractions, every signal and order that the crossover of two moving averages makes of a price series.

    sma.py PRICES --short 50 --long 200

PRICES has lines `id TAB price`, or is a candle file as Binance's archive has it (comma separated, open time first, close
fifth, with or without a line of names). Prints, in order of the signals,

    signal TAB id TAB open|close TAB price TAB short average TAB long average
    order TAB order id TAB open|closed TAB price TAB close price

an order line after each signal, as the order stands then.
"""

import argparse
from fractions import Fraction

from rounding import rounded


def prices(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.strip()
            if "\t" in line:
                update_id, price = line.split("\t")[:2]
                yield int(update_id), price
            elif line[:1].isdigit():
                columns = line.split(",")
                open_time = int(columns[0])
                # Archives of 2025 and later count in microseconds.
                yield (open_time // 1000 if open_time >= 10**14 else open_time), columns[4]


def signals(series, short, long):
    """Yields (id, "open" or "close", price, short average, long average), the averages as fractions."""
    window = []
    is_open = False
    for update_id, price in series:
        window.append(Fraction(price))
        window = window[-(long + 1):]
        if len(window) < long:
            continue
        s = sum(window[-short:]) / short
        l = sum(window[-long:]) / long
        s_before = sum(window[-short - 1:-1]) / short
        # With exactly as many prices as the long average takes, the one before is the same.
        l_before = sum(window[-long - 1:-1]) / long if len(window) > long else l
        if s > l and s_before <= l_before and not is_open:
            is_open = True
            yield update_id, "open", price, s, l
        elif s < l and s_before >= l_before and is_open:
            is_open = False
            yield update_id, "close", price, s, l


def report(series, short, long):
    """The lines that main() prints."""
    order_id = order_price = None
    for update_id, action, price, s, l in signals(series, short, long):
        yield f"signal\t{update_id}\t{action}\t{price}\t{rounded(s)}\t{rounded(l)}"
        if action == "open":
            order_id, order_price = update_id, price
            yield f"order\t{order_id}\topen\t{order_price}\t"
        else:
            yield f"order\t{order_id}\tclosed\t{order_price}\t{price}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prices")
    parser.add_argument("--short", type=int, default=50)
    parser.add_argument("--long", type=int, default=200)
    arguments = parser.parse_args()
    for line in report(prices(arguments.prices), arguments.short, arguments.long):
        print(line)


if __name__ == "__main__":
    main()
