#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the tests run of core/ and plugins/, from what `./dev coverage` has built and run: build/coverage/html/index.html,
# coverage.xml (Cobertura) and badge.svg. Exit code 1 below the limit. A process that is killed, or that leaves by
# _exit(), writes down nothing of what it ran, so the figure is rather too low than too high.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source .ci/packages.sh

build=build/coverage
limit=85

mkdir -p "$build/html"
# Counters of a process that was killed while it wrote them may be nonsense: that must not end it all.
gcovr --root . --filter core/ --filter plugins/ --exclude '.*/tst_[^/]*' \
    --gcov-ignore-parse-errors -j "$(nproc)" \
    --html-details "$build/html/index.html" --html-title Tidemill \
    --xml "$build/coverage.xml" --json-summary "$build/coverage.json" \
    "$build" >"$build/gcovr.log" 2>&1 || {
    tail -n 20 "$build/gcovr.log"
    die 'gcovr failed'
}
say "$build/html/index.html"
python3 -B .ci/coverage.py "$build/coverage.json" "$build/badge.svg" "$limit"
