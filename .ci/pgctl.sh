#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A PostgreSQL server of one's own for tests, on 127.0.0.1 only; also when the caller is root, as which PostgreSQL
# refuses to run: then it runs as the account `postgres`. Nothing outside DIR is touched.
#
#   pgctl.sh start DIR [PORT]   starts it and waits until it answers; prints
#                               postgresql://tidemill@127.0.0.1:PORT/tidemill_test
#                               The first start creates the cluster and an empty database. Without PORT: the port of the
#                               last start, or a free one at the first; 0: a free one.
#   pgctl.sh stop DIR           rolls back what is open, ends connections, stops cleanly; returns when it has ended
#   pgctl.sh kill DIR           SIGKILL to all of its processes, as in a crash; returns when they are gone
#   pgctl.sh remove DIR         ends it without ceremony, then deletes DIR
#   pgctl.sh bindir | user      where initdb and postgres are; the system account they run as
#
# DIR is created if it is missing, and owned by that account: a fresh temporary folder does, its parent must be
# passable for everybody. Every command may be repeated. Exit code 0: done; 1: it did not work, with the reason (and the
# server's log) on stderr; 2: wrong usage. No password is asked for; fsync is on, so a kill loses nothing committed.
set -euo pipefail
self=$(readlink -f "${BASH_SOURCE[0]}")
cd / # the caller's folder may be closed to the account

fail() {
    printf 'pgctl: %s\n' "$*" >&2
    exit 1
}

usage() {
    sed -n 's/^#   \(pgctl.sh\)/\1/p' "$self" >&2
    exit 2
}

bindir() {
    local found
    found=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1) # where Debian keeps its versions
    [[ -x $found ]] || found=$(command -v initdb) || fail 'no initdb: install the package postgresql'
    dirname "$found"
}

user() {
    if ((EUID != 0)); then
        id -un
    elif id postgres >/dev/null 2>&1; then
        echo postgres
    else
        echo nobody
    fi
}

as_user() {
    if ((EUID == 0)); then
        runuser -u "$(user)" -- "$@"
    else
        "$@"
    fi
}

create() {
    mkdir -p "$dir"
    if ((EUID == 0)); then
        chown "$(user):" "$dir"
    fi
    # Not synced: nothing of value is in it yet, and it saves a second.
    as_user "$bin/initdb" --no-sync -D "$dir/data" -U tidemill -E UTF8 --locale C --auth trust >"$dir/initdb.log" 2>&1 || {
        cat "$dir/initdb.log" >&2
        rm -rf "$dir/data"
        fail 'initdb failed'
    }
    cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 32MB
max_connections = 60
CONF
}

start() {
    local port=${1:-} attempt created=no
    # A port that nobody asked for by number may be taken by somebody in between: then try another.
    local attempts=1
    if [[ -z $port && -f $dir/port ]]; then
        port=$(<"$dir/port")
    elif [[ -z $port || $port == 0 ]]; then
        attempts=5 port=
    fi
    if [[ ! -f $dir/data/PG_VERSION ]]; then
        create
        created=yes
    fi

    for ((attempt = 1; attempt <= attempts; attempt++)); do
        local try=${port:-$((20000 + RANDOM % 12000))} # below the range of outgoing connections
        # Left by a server that was killed; its port may be another one's by now, so pg_ctl must not ask there.
        running || rm -f "$dir/data/postmaster.pid"
        if running || as_user "$bin/pg_ctl" start -s -w -t 60 -D "$dir/data" -l "$dir/log" -o "-p $try" >&2; then
            port=$(sed -n 4p "$dir/data/postmaster.pid")
            echo "$port" >"$dir/port"
            [[ $created == no ]] ||
                as_user "$bin/createdb" -h 127.0.0.1 -p "$port" -U tidemill tidemill_test >&2
            echo "postgresql://tidemill@127.0.0.1:$port/tidemill_test"
            return
        fi
    done
    tail -n 20 "$dir/log" >&2
    fail "the server did not start in $dir"
}

server_pid() {
    [[ -f $dir/data/postmaster.pid ]] && head -n 1 "$dir/data/postmaster.pid"
}

# The id in the file may belong to another program by now.
running() {
    local pid
    pid=$(server_pid) && [[ $(readlink "/proc/$pid/cwd" 2>/dev/null) == "$(readlink -f "$dir/data")" ]]
}

stop() {
    running || return 0
    as_user "$bin/pg_ctl" stop -s -w -t 60 -m fast -D "$dir/data" >&2 || fail "the server in $dir did not stop"
}

# Every process of a server has the data folder as its working directory; each backend leads a session of its own.
kill_all() {
    local data cwd pid tries
    data=$(readlink -f "$dir/data") || return 0
    for ((tries = 0; tries < 200; tries++)); do
        local found=no
        for cwd in /proc/[0-9]*/cwd; do
            [[ $(readlink "$cwd" 2>/dev/null) == "$data" ]] || continue
            found=yes
            pid=${cwd#/proc/}
            kill -KILL "${pid%/cwd}" 2>/dev/null || true
        done
        [[ $found == yes ]] || return 0
        sleep 0.05
    done
    fail "processes of the server in $dir do not end"
}

command=${1:-}
case $command in
    bindir | user)
        "$command"
        exit
        ;;
    start | stop | kill | remove) ;;
    *) usage ;;
esac
dir=${2:-}
[[ $dir == /* ]] || fail "DIR: expected an absolute path, got '$dir'"
bin=$(bindir)
case $command in
    start) start "${3:-}" ;;
    stop) stop ;;
    kill) kill_all ;;
    remove)
        # First the mild way: a postmaster that ends by itself collects its children.
        ! running || as_user "$bin/pg_ctl" stop -s -w -t 10 -m immediate -D "$dir/data" >&2 || true
        kill_all
        rm -rf "$dir"
        ;;
esac
