#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What a recorded session of an exchange says, computed without Tidemill, and whether Tidemill says the same.

    source_tape.py PROTOCOL TAPE                 prints how many records there should be
    source_tape.py PROTOCOL TAPE RECORDS.jsonl   compares; prints what differs, exit code 1 if anything does
"""

import json
import sys
import zlib
from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from urllib.parse import parse_qs, urlsplit


class Text(str):
    """A number of JSON, as it was written."""


def frames(tape):
    with open(tape, encoding="utf-8", newline="\n") as lines:
        for line in lines:
            fields = line.rstrip("\n").split("\t", 3)
            if fields[1] == "recv":
                yield json.loads(fields[3], parse_float=Text, parse_int=Text)


def answers(tape):
    """The exchange's answers to requests: address and what it said."""
    with open(tape, encoding="utf-8", newline="\n") as lines:
        for line in lines:
            fields = line.rstrip("\n").split("\t")
            if fields[1] == "http":
                yield urlsplit(fields[3]), json.loads(fields[4], parse_float=Text, parse_int=Text)


class Books:
    """Sides by price; prices and quantities as text, compared as numbers."""

    def __init__(self, depth=None):
        self.sides = {}
        self.depth = depth

    def replace(self, symbol, bids, asks):
        self.sides[symbol] = ({}, {})
        self.apply(symbol, bids, asks)

    def apply(self, symbol, bids, asks):
        for side, changes in zip(self.sides[symbol], (bids, asks)):
            for price, quantity in changes:
                key = Decimal(price)
                if Decimal(quantity) == 0:
                    side.pop(key, None)
                else:
                    side[key] = (price, quantity)
        if self.depth:
            for side, is_bids in zip(self.sides[symbol], (True, False)):
                for key in sorted(side, reverse=is_bids)[self.depth:]:
                    del side[key]

    def checksum(self, symbol):
        bids, asks = self.sides[symbol]
        best = [asks[k] for k in sorted(asks)[:10]] + [bids[k] for k in sorted(bids, reverse=True)[:10]]
        digits = "".join(text.replace(".", "").lstrip("0") for level in best for text in level)
        return zlib.crc32(digits.encode("ascii"))

    def state(self):
        return {symbol: tuple({price: Decimal(level[1]) for price, level in side.items()} for side in sides)
                for symbol, sides in self.sides.items()}


class Expected:
    def __init__(self):
        self.trades = defaultdict(dict)  # symbol -> id -> (price, quantity, taker's side)
        self.tickers = defaultdict(list)  # symbol -> prices
        self.candles = {}  # (symbol, start) -> (open, high, low, close, volume)
        self.newest = {}  # symbol -> start
        self.states = defaultdict(list)  # symbol -> all candles that came, if they say whether they are closed
        self.agg_trades = defaultdict(dict)  # symbol -> id -> (first and last trade, price, quantity, taker's side)
        self.quotes = defaultdict(dict)  # symbol -> id -> (bid, its quantity, ask, its quantity)
        self.changes = defaultdict(dict)  # symbol -> last id -> (first id, bids, asks), where they have ids
        self.counts = Counter()
        self.books = Books()

    def trade(self, symbol, number, price, quantity, side):
        trades = self.trades[symbol]
        # What is older than what has gone out is a repeat of it.
        if int(number) in trades or (trades and int(number) < max(trades)):
            return
        trades[int(number)] = (price, quantity, side)
        self.counts["trade"] += 1

    def ticker(self, symbol, price):
        self.tickers[symbol].append(price)
        self.counts["ticker"] += 1

    def candle(self, symbol, start, values):
        self.candles[symbol, start] = values
        self.counts["candle"] += 1

    def snapshot(self, symbol, bids, asks):
        self.books.replace(symbol, bids, asks)
        self.counts["book_snapshot"] += 1

    def update(self, symbol, bids, asks):
        if symbol in self.books.sides:  # otherwise there is nothing that it could change
            self.books.apply(symbol, bids, asks)
            self.counts["book_update"] += 1


OTHER = {"buy": "sell", "sell": "buy"}


def coinbase_exchange(tape):
    found = Expected()
    sequences = Counter()
    for frame in frames(tape):
        kind, symbol = frame["type"], frame.get("product_id")
        if kind in ("match", "last_match"):
            found.trade(symbol, frame["trade_id"], frame["price"], frame["size"], OTHER[frame["side"]])
        elif kind == "ticker" and int(frame["sequence"]) > sequences[symbol]:
            sequences[symbol] = int(frame["sequence"])
            found.ticker(symbol, frame["price"])
        elif kind == "snapshot":
            found.snapshot(symbol, frame["bids"], frame["asks"])
        elif kind == "l2update":
            found.update(symbol, [c[1:] for c in frame["changes"] if c[0] == "buy"],
                         [c[1:] for c in frame["changes"] if c[0] == "sell"])
    return found


def coinbase_advanced(tape):
    found = Expected()
    for frame in frames(tape):
        for event in frame.get("events", []):
            for trade in reversed(event.get("trades", [])):
                found.trade(trade["product_id"], trade["trade_id"], trade["price"], trade["size"],
                            OTHER[trade["side"].lower()])
            for ticker in event.get("tickers", []):
                found.ticker(ticker["product_id"], ticker["price"])
            for candle in event.get("candles", []):
                symbol, start = candle["product_id"], int(candle["start"])
                before = found.newest.get(symbol)
                if before is not None and before < start and event["type"] == "update":
                    found.counts["candle"] += 1  # the one before comes once more, closed
                found.newest[symbol] = max(start, before or 0)
                found.candle(symbol, start, tuple(candle[n] for n in ("open", "high", "low", "close", "volume")))
            if frame["channel"] == "l2_data":
                sides = [[(u["price_level"], u["new_quantity"]) for u in event["updates"] if u["side"] == side]
                         for side in ("bid", "offer")]
                change = found.snapshot if event["type"] == "snapshot" else found.update
                change(event["product_id"], *sides)
    return found


def kraken(tape):
    found = Expected()
    found.books.depth = 10
    checksums = Counter()
    for frame in frames(tape):
        for row in frame.get("data", []):
            if frame["channel"] == "trade":
                found.trade(row["symbol"], row["trade_id"], row["price"], row["qty"], row["side"])
            elif frame["channel"] == "book":
                sides = [[(level["price"], level["qty"]) for level in row[side]] for side in ("bids", "asks")]
                change = found.snapshot if frame["type"] == "snapshot" else found.update
                change(row["symbol"], *sides)
                checksums[found.books.checksum(row["symbol"]) == int(row["checksum"])] += 1
    print(f"checksums: {checksums[True]} right, {checksums[False]} wrong", file=sys.stderr)
    assert not checksums[False], "the recording itself has wrong checksums"
    return found


def binance(tape):
    found = Expected()
    # A book's snapshot is asked for while the tape plays: whenever that was, it is the recorded one (without one,
    # nothing) with all changes up to then, so in the end there is the same.
    snapshots = {}
    for url, answer in answers(tape):
        if url.path.endswith("/depth"):
            snapshots.setdefault(parse_qs(url.query)["symbol"][0], answer)
    for frame in frames(tape):
        if "stream" not in frame:  # a recorder's own request, among the frames: of the only symbol
            snapshots.setdefault(None, frame)
            continue
        stream, data = frame["stream"].split("@", 1)[1], frame["data"]
        symbol = data["s"]
        if stream in ("trade", "aggTrade"):
            side = "sell" if data["m"] else "buy"
            if stream == "trade":
                found.trade(symbol, data["t"], data["p"], data["q"], side)
            else:
                found.agg_trades[symbol][int(data["a"])] = (int(data["f"]), int(data["l"]), data["p"], data["q"], side)
                found.counts["agg_trade"] += 1
        elif stream == "bookTicker":
            found.quotes[symbol][int(data["u"])] = tuple(data[n] for n in "bBaA")
            found.counts["quote"] += 1
        elif stream.startswith("kline"):
            candle = data["k"]
            start, values = int(candle["t"]) // 1000, tuple(candle[n] for n in "ohlcv")
            found.candle(symbol, start, values)
            found.states[symbol].append((start, *values, candle["x"]))
        elif stream.startswith("depth"):
            found.changes[symbol][int(data["u"])] = (int(data["U"]), data["b"], data["a"])
            found.counts["book_update"] += 1
    for symbol, changes in found.changes.items():
        snapshot = snapshots.get(symbol, snapshots.get(None, {"lastUpdateId": "0", "bids": [], "asks": []}))
        found.books.replace(symbol, snapshot["bids"], snapshot["asks"])
        found.counts["book_snapshot"] += 1
        for last in sorted(changes):
            if last > int(snapshot["lastUpdateId"]):
                found.books.apply(symbol, *changes[last][1:])
    return found


def sums(rows, *columns):
    return {symbol: [sum(Fraction(row[c]) for row in (found.values() if isinstance(found, dict) else found))
                     for c in columns]
            for symbol, found in rows.items()}


def compare(found, records):
    wrong = []
    counts = Counter()
    trades = defaultdict(dict)
    tickers = defaultdict(list)
    agg_trades, quotes, changes = defaultdict(dict), defaultdict(dict), defaultdict(dict)
    candles, closed, states = {}, {}, defaultdict(list)
    books = Books()
    at = Counter()  # symbol -> what its book stands at, where changes have ids
    for line in open(records, encoding="utf-8"):
        record = json.loads(line)
        kind, symbol = record["type"], record["symbol"]
        counts[kind] += 1
        if kind == "trade":
            if record["trade_id"] in trades[symbol]:
                wrong.append(f"{symbol}: trade {record['trade_id']} is there twice")
            trades[symbol][record["trade_id"]] = (record["price"], record["quantity"], record["side"])
        elif kind == "ticker":
            tickers[symbol].append(record["price"])
        elif kind == "candle":
            start = int(datetime.fromisoformat(record["ts_open"].replace("Z", "+00:00")).timestamp())
            candles[symbol, start] = tuple(record[n] for n in ("open", "high", "low", "close", "volume"))
            if found.states:
                states[symbol].append((start, *candles[symbol, start], record["closed"]))
            else:
                closed[symbol, start] = record["closed"]
        elif kind == "agg_trade":
            agg_trades[symbol][record["agg_trade_id"]] = (record["first_trade_id"], record["last_trade_id"],
                                                          record["price"], record["quantity"], record["side"])
        elif kind == "quote":
            quotes[symbol][record["update_id"]] = (record["bid_price"], record["bid_quantity"],
                                                   record["ask_price"], record["ask_quantity"])
        elif kind == "book_snapshot":
            books.replace(symbol, record["bids"], record["asks"])
            at[symbol] = record["last_update_id"]
        elif kind == "book_update":
            last = record["last_update_id"]
            if found.changes:
                changes[symbol][last] = (record["first_update_id"], record["bids"], record["asks"])
                if symbol not in books.sides or last <= at[symbol]:
                    continue  # is in the snapshot
                at[symbol] = last
            books.apply(symbol, record["bids"], record["asks"])
    gaps = counts.pop("gap", 0)
    statuses = counts.pop("product_status", 0)
    if gaps or statuses:
        print(f"besides: {gaps} gaps, {statuses} product states", file=sys.stderr)
    for what, theirs, ours in (("counts", +found.counts, +counts), ("trades", found.trades, trades),
                               ("aggregate trades", found.agg_trades, agg_trades),
                               ("quotes", found.quotes, quotes), ("changes", found.changes, changes),
                               ("tickers", found.tickers, tickers), ("candles", found.candles, candles),
                               ("states of candles", found.states, states),
                               ("books", found.books.state(), books.state())):
        if dict(theirs) != dict(ours):
            wrong.append(f"{what} differ: {str(dict(theirs))[:400]} against {str(dict(ours))[:400]}")
    # Sums without any rounding: a difference that no equality of single records has shown would be here.
    for what, theirs, ours in (("trades", sums(found.trades, 0, 1), sums(trades, 0, 1)),
                               ("aggregate trades", sums(found.agg_trades, 2, 3), sums(agg_trades, 2, 3)),
                               ("quotes", sums(found.quotes, 0, 1, 2, 3), sums(quotes, 0, 1, 2, 3)),
                               ("candles", sums(found.states, 1, 2, 3, 4, 5), sums(states, 1, 2, 3, 4, 5))):
        if theirs != ours:
            wrong.append(f"sums of {what} differ: {theirs} against {ours}")
    for (symbol, start), is_closed in closed.items():
        if is_closed != (start < found.newest[symbol]):
            wrong.append(f"{symbol}: whether the candle of {start} is closed is wrong")
    return wrong


def main():
    found = globals()[sys.argv[1]](sys.argv[2])
    if len(sys.argv) == 3:
        print(sum(found.counts.values()))
        return 0
    wrong = compare(found, sys.argv[3])
    for line in wrong:
        print(line)
    print(dict(found.counts), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
