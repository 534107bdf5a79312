#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the results of ctest (JUnit XML) and ends with the line 'N passed, N failed, N skipped'.

Counts single test functions where the test program says how many it ran (Qt Test, Python's unittest), and one for a
program that does not. Exit code 1 if anything failed or nothing ran.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter

SLOW_SECONDS = 10
QT_TOTALS = re.compile(r"^Totals: (\d+) passed, (\d+) failed, (\d+) skipped", re.M)
UNITTEST_RAN = re.compile(r"^Ran (\d+) tests? in .*\n\n(?:OK|FAILED)(?: \((.*)\))?$", re.M)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def counts_of_output(output):
    """What the program itself says it ran; all zero if it says nothing."""
    counts = Counter()
    for passed, failed, skipped in QT_TOTALS.findall(output):
        counts.update(passed=int(passed), failed=int(failed), skipped=int(skipped))
    for ran, details in UNITTEST_RAN.findall(output):
        said = dict(re.findall(r"(\w[\w ]*)=(\d+)", details))
        failed = sum(int(said.get(key, 0)) for key in ("failures", "errors", "unexpected successes"))
        skipped = int(said.get("skipped", 0))
        counts.update(passed=int(ran) - failed - skipped, failed=failed, skipped=skipped)
    return counts


def counts_of_case(case):
    if case.get("status") == "disabled":
        return Counter(skipped=1)
    if case.get("status") == "notrun":
        # ctest calls it skipped too when a program or a file it needs is not there: that is a failure.
        skipped = case.find("skipped")
        asked_for = skipped is not None and skipped.get("message", "").startswith("SKIP_")
        return Counter(skipped=1) if asked_for else Counter(failed=1)
    counts = counts_of_output(COLOURS.sub("", case.findtext("system-out", "")))
    if case.get("status") == "fail" and not counts["failed"]:
        counts["failed"] = 1  # crashed, timed out, or failed after its own count, as with a leak
    if not counts.total():
        counts["passed"] = 1
    return counts


def main():
    cases = list(ElementTree.parse(sys.argv[1]).getroot().iter("testcase"))
    totals = Counter()
    for case in cases:
        counts = counts_of_case(case)
        totals.update(counts)
        if counts["failed"]:
            print(f"failed: {case.get('name')} ({counts['failed']})")

    slow = [(float(case.get("time", 0)), case.get("name")) for case in cases]
    for seconds, name in sorted(slow, reverse=True):
        if seconds > SLOW_SECONDS:
            print(f"slow: {name} took {seconds:.1f} s")

    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return 1 if totals["failed"] or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
