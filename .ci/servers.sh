# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by ./dev: a Redis and a PostgreSQL for the tests, on free loopback ports, with their data in a folder of
# their own under TMPDIR. The machine's own servers and clusters are never touched. Exports, for the tests:
#
#   TIDEMILL_TEST_REDIS_URL      redis://127.0.0.1:PORT
#   TIDEMILL_TEST_POSTGRES_URL   postgresql://tidemill@127.0.0.1:PORT/tidemill_test
#   TIDEMILL_TEST_PG_BINDIR      folder of initdb, postgres and pg_ctl
#   TIDEMILL_TEST_PG_USER        system account they run as: PostgreSQL refuses to run as root
#   TIDEMILL_TEST_PGCTL          .ci/pgctl.sh, for tests that start and kill a server of their own
#
# They are shared by tests that run at the same time: each test uses tables and keys of its own names.

servers_dir=
redis_pid=
started_pid= # set by start_in_background

# Below the range of outgoing connections, any of which could take the port between here and the server's bind.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

start_servers() {
    servers_dir=$(mktemp -d "${TMPDIR:-/tmp}/tidemill-servers.XXXXXX")
    chmod 711 "$servers_dir" # the account of PostgreSQL has to get through to its own folder
    start_redis
    start_postgres
    say "test servers: $TIDEMILL_TEST_REDIS_URL $TIDEMILL_TEST_POSTGRES_URL"
}

start_redis() {
    local port attempt tries
    for attempt in 1 2 3 4 5; do
        port=$(free_port)
        start_in_background redis-server --port "$port" --bind 127.0.0.1 --dir "$servers_dir" \
            --save '' --appendonly no --daemonize no >"$servers_dir/redis.log" 2>&1
        redis_pid=$started_pid
        for ((tries = 0; tries < 200; tries++)); do
            if grep -q 'Ready to accept connections' "$servers_dir/redis.log"; then
                export TIDEMILL_TEST_REDIS_URL="redis://127.0.0.1:$port"
                return
            fi
            kill -0 "$redis_pid" 2>/dev/null || break # somebody else got the port first
            sleep 0.05
        done
    done
    cat "$servers_dir/redis.log" >&2
    die "Redis did not start in $attempt attempts"
}

start_postgres() {
    TIDEMILL_TEST_PGCTL=$PWD/.ci/pgctl.sh
    TIDEMILL_TEST_PG_BINDIR=$("$TIDEMILL_TEST_PGCTL" bindir)
    TIDEMILL_TEST_PG_USER=$("$TIDEMILL_TEST_PGCTL" user)
    TIDEMILL_TEST_POSTGRES_URL=$("$TIDEMILL_TEST_PGCTL" start "$servers_dir/postgres") ||
        die "PostgreSQL did not start"
    export TIDEMILL_TEST_PGCTL TIDEMILL_TEST_PG_BINDIR TIDEMILL_TEST_PG_USER TIDEMILL_TEST_POSTGRES_URL
}

# Also when only some of them, or none, have started; and more than once.
stop_servers() {
    [[ -n $servers_dir ]] || return 0
    [[ -z $redis_pid ]] || stop_in_background "$redis_pid"
    .ci/pgctl.sh remove "$servers_dir/postgres"
    rm -rf "$servers_dir"
    servers_dir=
    redis_pid=
}
