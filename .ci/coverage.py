#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads gcovr's JSON summary and says how much of core/ and plugins/ the tests run.

    coverage.py SUMMARY.json BADGE.svg LIMIT

Prints each folder, the ten files that are covered worst, and last one line for all of it; writes a badge with the same
figure. Exit code 1 if that is below LIMIT percent.
"""

import json
import sys
from collections import defaultdict

WORST = 10
MIN_LINES = 10  # of a file to be named among the worst: two lines of three say nothing
LABEL = "coverage"
CHARACTER_WIDTH = 7  # of 11 px Verdana, about
PADDING = 10


def percent(covered, total):
    return 100.0 * covered / total if total else 0.0


def badge(figure, limit):
    """An SVG of two boxes: what it is, and how much; green from the limit on."""
    value = f"{figure:.1f} %"
    left = len(LABEL) * CHARACTER_WIDTH + PADDING
    right = len(value) * CHARACTER_WIDTH + PADDING
    colour = "#2e7d32" if figure >= limit else "#c62828"
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{LABEL}: {value}">
  <title>{LABEL}: {value}</title>
  <clipPath id="round"><rect width="{left + right}" height="20" rx="3"/></clipPath>
  <g clip-path="url(#round)">
    <rect width="{left}" height="20" fill="#444"/>
    <rect x="{left}" width="{right}" height="20" fill="{colour}"/>
  </g>
  <g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
    <text x="{left / 2:g}" y="14">{LABEL}</text>
    <text x="{left + right / 2:g}" y="14">{value}</text>
  </g>
</svg>
"""


def folder_of(path):
    """core/host, core/host/spool, plugins/sinks/sql: the part of the tree that one person would look at."""
    parts = path.split("/")[:-1]
    ends = [index for index, part in enumerate(parts) if part in ("src", "include")]
    return "/".join(parts[: ends[0]] if ends else parts)


def main():
    summary, badge_path, limit = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with open(summary, encoding="utf-8") as file:
        files = json.load(file)["files"]
    folders = defaultdict(lambda: [0, 0])
    for entry in files:
        for name in (folder_of(entry["filename"]), ""):
            folders[name][0] += entry["line_covered"]
            folders[name][1] += entry["line_total"]
    covered, total = folders.pop("", (0, 0))

    for name, (some, lines) in sorted(folders.items()):
        print(f"{percent(some, lines):6.1f} %  {some:6} of {lines:6} lines  {name}")
    print(f"worst files of {MIN_LINES} lines and more:")
    large = [entry for entry in files if entry["line_total"] >= MIN_LINES]
    for entry in sorted(large, key=lambda entry: percent(entry["line_covered"], entry["line_total"]))[:WORST]:
        some, lines = entry["line_covered"], entry["line_total"]
        print(f"{percent(some, lines):6.1f} %  {some:6} of {lines:6} lines  {entry['filename']}")

    figure = percent(covered, total)
    with open(badge_path, "w", encoding="utf-8") as file:
        file.write(badge(figure, limit))
    print(f"line coverage of core/ and plugins/: {figure:.1f} % ({covered} of {total}), at least {limit:g} % expected")
    return 0 if total and figure >= limit else 1


if __name__ == "__main__":
    sys.exit(main())
