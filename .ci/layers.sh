#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Who may include whom: app -> host -> sdk <- net, redis <- plugins, and each third-party library in its one place.
# Prints every line that crosses a boundary, with the rule it breaks, and fails if there is one.
cd "$(dirname "$0")/.." || exit 2
status=0

report() { # report <found lines> <why>
    [ -n "$1" ] || return 0
    printf '%s\n  ^ %s\n' "$1" "$2"
    status=1
}

# deny <folders> <pattern of an include> <why> [<pattern of paths that may>]
deny() {
    # shellcheck disable=SC2086 # several folders
    found=$(grep -rnE --include='*.h' --include='*.cpp' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)" $1)
    report "$(printf '%s' "$found" | grep -vE "^(${4:-$none})")" "$3"
}

# deny_link <folders> <pattern of a target> <why>: what CMake links can be used without any include that shows it.
deny_link() {
    # shellcheck disable=SC2086 # several folders
    report "$(grep -rnE --include=CMakeLists.txt --include='*.cmake' "^[^#]*($2)" $1)" "$3"
}

none='$^'                    # matches no path
tests='[^:]*/tst_[^/:]*\.cpp:' # a test may look at its subject from outside
up='(\.\./)*(core/)?'

deny "plugins core/sdk core/net core/redis" "$up(host|app|http)/" 'plugins, the SDK, net and redis do not know the host'
deny_link "plugins core/sdk core/net core/redis" 'tidemill[-_](host|app|http)|Tidemill::(Host|App|Http)' \
    'plugins, the SDK, net and redis do not link the host'
deny "core/sdk"             "$up(net|redis|tidemill/(net|redis))/" 'net and redis use the SDK, not the other way round'
deny "core/host core/http"  "${up}app/"              'the host does not know the command that runs it'
deny "core/host"            "${up}http/"             'the host works without its HTTP endpoint'
deny "core"                 '(\.\./)*plugins/'       'the host knows plugins by their metadata only'
deny "plugins"              '[^>"]*(sources|transforms|sinks)/' 'a plugin stands alone: deleting it deletes one folder'
# The one thing that plugins share: what is an exchange's own, for all sources of that exchange and nobody else.
for family in binance coinbase; do
    deny "plugins core" "[^>\"]*exchanges/$family/" "what $family's sources share is theirs alone" \
        "plugins/(exchanges/$family|sources/$family(_[a-z]+)?)/"
done

deny "core/sdk" \
    'Q(t(Network|Sql|HttpServer|WebSockets|Test|Concurrent|Xml|Gui|Widgets)|Tcp|Udp|Ssl|Local(Socket|Server)|AbstractSocket|Network|Host|Dns|Sql|Http|WebSocket|Test|SignalSpy)' \
    'the SDK needs Qt Core, nothing else' "core/sdk/(include/tidemill|src)/testing|$tests"
deny "core plugins tests" 'yaml-cpp'         'yaml-cpp stays behind the pipeline file' 'core/host/(pipeline_file|yaml_)[^/]*\.cpp:'
deny "core plugins"       'Q(t)?HttpServer'  'Qt HttpServer is GPL-3 in Qt 6.4: only in core/http, which can be left out' "core/http/|$tests"
deny "core plugins"       'Q(t)?WebSocket'   'Qt WebSockets serves pages and tests; feeds use net' "core/http/|$tests"
deny "core plugins"       'zip\.h'          'libzip stays behind the reader of bulk files' 'plugins/sources/binance_history/zip_reader'
deny "core plugins"       'hiredis'          'hiredis stays behind the client of core/redis' 'core/redis/src/reply_reader'
deny "core plugins"       'Q(t)?Sql'         'Qt SQL stays in the SQL sink and the checkpoint store' \
    "plugins/sinks/sql/|core/host/checkpoint_store|$tests"
deny "core plugins"       'libpq|postgres'   'libpq stays in the SQL sink' 'plugins/sinks/sql/'
deny "core tests"         'simdjson'         'simdjson stays in decoders, which are in plugins (and in the header they share)' \
    'tests/bench/|core/net/include/tidemill/net/json_values\.h'
deny "core"               'tidemill/net/(json_values|decoding_session)' \
    'only decoders read JSON with simdjson; no library of ours links it' 'core/net/include/tidemill/net/decoding_session\.h'
exit $status
