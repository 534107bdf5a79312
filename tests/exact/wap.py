#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Computes, with fractions, every weighted average price that Tidemill must make of a recorded tape.

    wap.py TAPE --symbol ETHUSDT --of message|book --levels 5

prints `update_id TAB price`, in the order they come out. A tape has one event a line: time TAB kind TAB connection TAB
payload, kind being connect, send, recv or http; the payload of http is an address TAB the body.
"""

import argparse
import heapq
import json
from decimal import Decimal
from fractions import Fraction
from urllib.parse import parse_qs, urlsplit

from rounding import rounded


def events(tape, symbol):
    """The depth events of a symbol, ("update", message) or ("snapshot", message), in the order of the tape."""
    stream = symbol.lower() + "@depth@100ms"
    others = {}  # connection -> whether streams of other symbols come on it
    with open(tape, encoding="utf-8") as lines:
        for line in lines:
            fields = line.rstrip("\n").split("\t", 3)
            if len(fields) != 4:
                continue
            _, kind, connection, payload = fields
            if kind == "http":
                address, _, body = payload.partition("\t")
                url = urlsplit(address)
                if url.path.endswith("/depth") and parse_qs(url.query).get("symbol") == [symbol]:
                    yield "snapshot", json.loads(body)
            elif kind == "recv":
                message = json.loads(payload)
                if not isinstance(message, dict):
                    continue
                if "stream" in message:
                    if message["stream"] == stream:
                        yield "update", message["data"]
                    if not message["stream"].startswith(symbol.lower() + "@"):
                        others[connection] = True
                elif "lastUpdateId" in message and not others.get(connection):
                    # A REST answer that the recorder wrote between the frames. It names no symbol, so it counts
                    # only where no other symbol can be meant.
                    yield "snapshot", message


def in_source_order(tape_events):
    """As a source emits them: changes wait for the snapshot; those it contains go before it."""
    held = []
    synchronised = False
    last = None
    for kind, message in tape_events:
        if kind == "snapshot":
            if synchronised:
                continue  # nobody asked for it
            contained = [update for update in held if update["u"] <= message["lastUpdateId"]]
            behind = [update for update in held if update["u"] > message["lastUpdateId"]]
            yield from (("update", update) for update in contained)
            yield "snapshot", message
            yield from (("update", update) for update in behind)
            held = []
            synchronised = True
            last = behind[-1]["u"] if behind else message["lastUpdateId"]
        elif not synchronised:
            held.append(message)
        else:
            if message["U"] > last + 1:  # a hole: the source asks for a new snapshot
                synchronised = False
                held.append(message)
                continue
            yield "update", message
            last = message["u"]
    yield from (("update", update) for update in held)


def average(bids, asks):
    """None if there is none."""
    if not bids or not asks:
        return None
    levels = [(Fraction(price), Fraction(quantity)) for price, quantity in [*bids, *asks]]
    total = sum(quantity for _, quantity in levels)
    if total == 0:
        return None
    return rounded(sum(price * quantity for price, quantity in levels) / total)


def of_message(source_events, levels):
    for kind, message in source_events:
        bids, asks = ("bids", "asks") if kind == "snapshot" else ("b", "a")
        price = average([row[:2] for row in message[bids][:levels]], [row[:2] for row in message[asks][:levels]])
        if price is not None:
            yield (message["lastUpdateId"] if kind == "snapshot" else message["u"]), price


def of_book(source_events, levels):
    sides = None  # [bids, asks], each price -> quantity
    last = None
    for kind, message in source_events:
        if kind == "snapshot":
            sides = [{}, {}]
            last = message["lastUpdateId"]
            changes = message["bids"], message["asks"]
        else:
            if sides is None or message["u"] <= last:
                continue
            if message["U"] > last + 1:
                sides = None
                continue
            last = message["u"]
            changes = message["b"], message["a"]
        for side, rows in zip(sides, changes):
            for row in rows:
                # Decimals are compared exactly and much faster than fractions.
                price, quantity = Decimal(row[0]), Decimal(row[1])
                if quantity == 0:
                    side.pop(price, None)
                else:
                    side[price] = quantity
        bids = heapq.nlargest(levels, sides[0].items())
        asks = heapq.nsmallest(levels, sides[1].items())
        if bids and asks and bids[0][0] >= asks[0][0]:
            continue  # crossed
        price = average(bids, asks)
        if price is not None:
            yield last, price


def waps(tape, symbol, of, levels):
    """(update_id, price as text); of two with one id the first, as a store keeps them."""
    compute = of_message if of == "message" else of_book
    seen = set()
    for update_id, price in compute(in_source_order(events(tape, symbol)), levels):
        if update_id not in seen:
            seen.add(update_id)
            yield update_id, price


def add_arguments(parser):
    parser.add_argument("tape")
    parser.add_argument("--symbol", required=True, help="as the exchange spells it, e.g. ETHUSDT")
    parser.add_argument("--of", choices=["message", "book"], default="message")
    parser.add_argument("--levels", type=int, default=5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    arguments = parser.parse_args()
    for update_id, price in waps(arguments.tape, arguments.symbol, arguments.of, arguments.levels):
        print(f"{update_id}\t{price}")


if __name__ == "__main__":
    main()
