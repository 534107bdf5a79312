# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by ./dev: running programs so that they end when we are told to end, and in good order.

# start_in_background <program> [argument]...: sets started_pid. The program gets a session of its own, because a
# Ctrl-C reaches the whole foreground group at once, and whoever starts programs should say in which order they end.
# If we are killed without a chance to say it, the kernel does.
start_in_background() {
    setsid setpriv --pdeathsig TERM -- "$@" </dev/null &
    started_pid=$!
}

# stop_in_background <pid>: SIGTERM for it and for what it started; SIGKILL if it is still there after 10 s.
stop_in_background() {
    local tries
    signal_group TERM "$1"
    for ((tries = 0; tries < 200; tries++)); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.05
    done
    signal_group KILL "$1"
}

signal_group() {
    # Until setsid has run, there is no such group yet.
    kill "-$1" -- "-$2" 2>/dev/null || kill "-$1" "$2" 2>/dev/null || true
}

# supervise <program> [argument]...: waits for it, handing Ctrl-C and the like on as SIGTERM. Returns the program's
# exit code; sets interrupted to 1 if there was a signal.
# shellcheck disable=SC2034 # interrupted is for the caller
supervise() {
    local status=0 again=1
    interrupted=0
    start_in_background "$@"
    # shellcheck disable=SC2064 # the id is known now, and started_pid may change
    trap "again=1; interrupted=1; signal_group TERM $started_pid" INT TERM HUP
    while ((again)); do
        again=0 # a signal ends `wait` early: then wait again for the program to end by itself
        status=0
        wait "$started_pid" || status=$?
    done
    trap - INT TERM HUP
    # What it started and did not take along: ctest, told to end, leaves the test that was running.
    ((!interrupted)) || kill -KILL -- "-$started_pid" 2>/dev/null || true
    return "$status"
}
