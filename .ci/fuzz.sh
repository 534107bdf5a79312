#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the fuzz targets that `./dev fuzz` has built, one after the other (tests/fuzz/README.md).
#
#   fuzz.sh [SECONDS] [TARGET]...   60 s each, all of them
#
# build/fuzz/corpus/TARGET grows from run to run and may be deleted; build/fuzz/findings/TARGET has the inputs that a
# target did not stand. They are tried again first each time. Exit code 1 if there are any.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source .ci/packages.sh

build=build/fuzz
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer-14 || true)
export ASAN_SYMBOLIZER_PATH

# fuzz_target <target> <seconds>: one line of what it did; returns 1 if it did not stand an input.
fuzz_target() {
    local target=$1 seconds=$2 seeds="tests/fuzz/corpus/$1" words="tests/fuzz/dictionaries/$1.dict"
    local corpus="$build/corpus/$1" findings="$build/findings/$1" log="$build/$1.log" status=0 options=()
    [[ -x $build/bin/fuzz_$target ]] || die "no fuzz target '$target'; there are: $(all_targets | tr '\n' ' ')"
    mkdir -p "$corpus" "$findings"
    [[ ! -f $words ]] || options+=("-dict=$words")

    "$build/bin/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$findings/" "${options[@]}" "$corpus" "$seeds" "$findings" >"$log" 2>&1 || status=$?

    local runs covered
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    say "$target: ${runs:-0} inputs in $seconds s, ${covered:-0} edges covered, exit code $status"
    ((status != 0)) || return 0

    grep -hE '^(does not hold:|.*runtime error:|SUMMARY:|==[0-9]+== ?ERROR)' "$log" || tail -n 5 "$log"
    sed -n 's/.*Test unit written to \(.*\)/dev: finding: \1/p' "$log"
    say "all of it: $log; once more: $build/bin/fuzz_$target FINDING"
    return 1
}

all_targets() {
    ls tests/fuzz/corpus
}

seconds=60
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
fi
((seconds > 0)) || die 'fuzz: expected at least one second' # to libFuzzer, 0 is without end
targets=("$@")
((${#targets[@]} > 0)) || mapfile -t targets < <(all_targets)

failed=()
for target in "${targets[@]}"; do
    fuzz_target "$target" "$seconds" || failed+=("$target")
done
((${#failed[@]} == 0)) || die "findings of: ${failed[*]}"
